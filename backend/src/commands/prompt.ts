import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { type Readable, Writable } from 'node:stream'

/** A password has a few hundred bytes at most. Longer input without a line end is not a password. */
const LINE_BYTES = 4_096
/** 24 characters in base64url. */
const GENERATED_BYTES = 18

/** The streams of a command. Those of the process are a terminal, or pipes. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable
  readonly stderr: Writable
}

export interface NewPassword {
  readonly password: string
  /** True if this command generated the password and must print it. */
  readonly generated: boolean
}

/**
 * Reads a new password: twice from a terminal, otherwise once from the first line of standard input. It
 * generates one if the input is empty. A command-line argument would be visible to every process.
 *
 * @throws {Error} if the two entries differ, the input ends, or it is not UTF-8.
 */
export async function readNewPassword(terminal: Terminal): Promise<NewPassword> {
  const given = terminal.stdin.isTTY ? await askTwice(terminal) : await firstLine(terminal.stdin)
  if (given !== '') return { password: given, generated: false }
  return { password: randomBytes(GENERATED_BYTES).toString('base64url'), generated: true }
}

/** @returns the line typed at the terminal, which echoes it. @throws {Error} if the input ends first. */
export async function ask({ stdin, stderr }: Terminal, question: string): Promise<string> {
  // The terminal itself shows and edits the line.
  const lines = createInterface({ input: stdin, terminal: false })
  try {
    return await readAnswer(lines[Symbol.asyncIterator](), stderr, question)
  } finally {
    lines.close()
  }
}

async function askTwice({ stdin, stderr }: Terminal): Promise<string> {
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() })
  // readline echoes the typed characters to its output, so this output drops them.
  const reader = createInterface({
    input: stdin,
    output: discard,
    terminal: true,
    historySize: 0,
  })
  const lines = reader[Symbol.asyncIterator]()
  const askHidden = (question: string) =>
    readAnswer(lines, stderr, question).finally(() => stderr.write('\n'))
  try {
    const password = await askHidden('New password (empty: one is made for you): ')
    if (password !== '' && (await askHidden('The same again: ')) !== password) {
      throw new Error('The two passwords are not the same. Run the command again')
    }
    return password
  } finally {
    reader.close()
  }
}

/** Questions go to standard error; standard output is for results. */
async function readAnswer(
  lines: AsyncIterator<string>,
  stderr: Writable,
  question: string,
): Promise<string> {
  stderr.write(question)
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
