import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** A password has a few hundred bytes at most; what pours out more without a line end is none. */
const LINE_BYTES = 4_096
/** 24 characters in base64url. */
const GENERATED_BYTES = 18

export interface NewPassword {
  readonly password: string
  /** Made here, so that nobody knows it yet. */
  readonly generated: boolean
}

/**
 * A new password: asked for twice on a terminal, otherwise the first line of standard input. Where
 * that is empty one is made. Never a parameter of a command, which the whole machine may read.
 *
 * @throws {Error} when the two are not the same, or the question was left.
 */
export async function readNewPassword(): Promise<NewPassword> {
  const given = process.stdin.isTTY ? await askTwice() : await firstLine(process.stdin)
  if (given !== '') return { password: given, generated: false }
  return { password: randomBytes(GENERATED_BYTES).toString('base64url'), generated: true }
}

/** @returns what was typed at the terminal, which shows it. @throws {Error} without a line. */
export async function ask(question: string): Promise<string> {
  // The terminal itself shows and edits the line.
  const lines = createInterface({ input: process.stdin, terminal: false })
  try {
    return await answer(lines[Symbol.asyncIterator](), question)
  } finally {
    lines.close()
  }
}

async function askTwice(): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  // readline takes over from the terminal and shows what is typed to its output.
  const reader = createInterface({
    input: process.stdin,
    output: nowhere,
    terminal: true,
    historySize: 0,
  })
  const lines = reader[Symbol.asyncIterator]()
  const unseen = (question: string) =>
    answer(lines, question).finally(() => process.stderr.write('\n'))
  try {
    const password = await unseen('New password (empty: one is made for you): ')
    if (password !== '' && (await unseen('The same again: ')) !== password) {
      throw new Error('The two passwords are not the same')
    }
    return password
  } finally {
    reader.close()
  }
}

/** Questions go to standard error; standard output is for results. */
async function answer(lines: AsyncIterator<string>, question: string): Promise<string> {
  process.stderr.write(question)
  const { value, done } = await lines.next()
  if (done) throw new Error('Cancelled')
  return value
}

async function firstLine(input: AsyncIterable<Buffer>): Promise<string> {
  let read = Buffer.alloc(0)
  for await (const chunk of input) {
    read = Buffer.concat([read, chunk])
    if (read.includes('\n') || read.length > LINE_BYTES) break
  }
  const end = read.indexOf('\n')
  const line = end < 0 ? read : read.subarray(0, end)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line).replace(/\r$/, '')
  } catch {
    throw new Error('The password on standard input is not UTF-8')
  }
}
