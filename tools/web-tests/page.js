// Runs in Chromium, beside the modules of docs/client.md. Each function returns values that JSON can carry.

import { editTask } from './edit.ts'
import { submit } from './form.ts'
import { ApiError } from './problem.ts'
import { request } from './request.ts'
import { currentUser, signIn, signOut, signUp } from './session.ts'
import { allTasks, createTask, deleteTask, toggleTask } from './tasks.ts'
import { forgetToken, taskToken } from './token.ts'

const PASSWORD = 'correct horse battery'

/** What a promise rejects with, as an object. */
async function failure(promise) {
  try {
    await promise
    return null
  } catch (error) {
    const { name, status, code, requestId, message } = error
    return error instanceof ApiError ? { name, status, code, requestId, message } : { name }
  }
}

export async function signInAndOut(email) {
  const before = await currentUser()
  await signUp('Ann', email, PASSWORD)
  const signedUp = await currentUser()
  await signOut()
  const signedOut = await currentUser()
  const noToken = await failure(taskToken())
  const wrong = await failure(signIn(email, 'not the password'))
  await signIn(email, PASSWORD)
  const signedIn = await currentUser()
  return { before, signedUp, signedOut, noToken, wrong, signedIn }
}

export async function signUpOnly(email) {
  await signUp('Ann', email, PASSWORD)
  return { user: await currentUser(), token: await failure(taskToken()) }
}

export const userOrFailure = async () => (await failure(currentUser())) ?? (await currentUser())

export async function writeAndRead() {
  for (const title of ['one', 'two', 'three', 'four', 'five']) await createTask({ title })
  const pages = await titlesOf({ limit: '2' })
  const [newest] = await Array.fromAsync(allTasks())
  const toggled = await toggleTask(newest.id)
  const open = await titlesOf({ completed: 'false' })
  await deleteTask(newest.id)
  await deleteTask(newest.id)
  const rest = await titlesOf()
  const response = await request('/api/me/tasks?limit=1')
  const headers = ['Link', 'Next-Cursor', 'RateLimit', 'x-request-id']
  const read = Object.fromEntries(headers.map((name) => [name, response.headers.get(name)]))
  return { pages, completed: toggled.completed, open, rest, read }
}

/** Creates a recurring task twice, under one id of its own, and changes its members. */
export async function writeRichTask() {
  const id = crypto.randomUUID()
  const recurrence = { rule: 'FREQ=DAILY', from: 'due' }
  const task = { id, title: 'rich', tags: ['a'], due_date: '2026-12-01', recurrence }
  const [first, again] = [await createTask(task), await createTask({ ...task, title: 'other' })]
  const part = await createTask({ title: 'part', parent_id: id })
  const edited = await editTask(id, ({ due_date }) => ({ due_date, priority: 'high' }))
  const path = `/api/me/tasks/${id}/complete`
  const completed = await request(path, { method: 'PATCH', body: { completed: true } })
  const next = /^<(.+)>; rel="next-occurrence"$/.exec(completed.headers.get('Link') ?? '')?.[1]
  return { first, again, part, edited, next: await (await request(next)).json() }
}

export async function titlesOf(filter) {
  return (await Array.fromAsync(allTasks(filter))).map(({ title }) => title)
}

export const create = (title) => createTask({ title })
export const toggle = (id) => toggleTask(id)
export const edit = (id) =>
  editTask(id, ({ title }) => ({ title: `${title} by the page`, completed: true }))
export const failToEdit = (id) => failure(editTask(id, () => ({})))
export const failToDelete = (id) => failure(deleteTask(id))
export const failToRead = () => failure(titlesOf())
export const submitForm = (title) => submit(title)
export const failToSubmit = (title) => failure(submit(title))
export const forget = () => forgetToken()
export const readFiveTimes = () => Promise.all([1, 2, 3, 4, 5].map(() => titlesOf()))
