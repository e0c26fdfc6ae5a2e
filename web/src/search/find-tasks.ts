import type { LocalTask } from '../sync/types.ts'
import { byPosition, type Tasks } from '../tasks/sections.ts'

/** The text of each task without case and accents. A task that changes is another object, with a text of its own. */
const texts = new WeakMap<LocalTask, string>()

/** @returns the text as it is compared: "Crème" and "creme" are equal. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mn}+/gu, '')
    .toLowerCase()
}

function textOf(task: LocalTask): string {
  const known = texts.get(task)
  if (known !== undefined) return known
  const text = fold(
    `${task.title}\n${task.description ?? ''}\n${task.tags.map((tag) => `#${tag}`).join('\n')}`,
  )
  texts.set(task, text)
  return text
}

/** Folds the texts before anyone searches, a part at a time, so that the first letter of a query waits for nothing. */
export function prepareSearch(tasks: Tasks): void {
  const rest = [...tasks.values()]
  function next(): void {
    const until = performance.now() + 4
    while (performance.now() < until) {
      const task = rest.pop()
      if (task === undefined) return
      textOf(task)
    }
    setTimeout(next, 16)
  }
  next()
}

/** @returns the tasks that have every word, in title, description or tags: in the title first, then by order. */
export function findTasks(tasks: Tasks, query: string): LocalTask[] {
  const words = fold(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return []
  const inTitle: LocalTask[] = []
  const elsewhere: LocalTask[] = []
  for (const task of tasks.values()) {
    const text = textOf(task)
    if (!words.every((word) => text.includes(word))) continue
    const end = text.indexOf('\n')
    if (words.every((word) => text.lastIndexOf(word, end - word.length) >= 0)) inTitle.push(task)
    else elsewhere.push(task)
  }
  return [...inTitle.sort(byPosition), ...elsewhere.sort(byPosition)]
}
