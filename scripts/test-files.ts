import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'

/** A test file that does not respond within this time, in ms, is in an infinite synchronous loop. */
const ANSWER_MS = 5_000

/** A test file whose process is running. */
export interface TestFile {
  readonly path: string
  readonly ended: Promise<void>
  /** @returns one line for each running test and each resource that it has open. */
  whatIsOpen(): Promise<string[]>
  kill(): void
}

interface TestFiles {
  readonly running: TestFile[]
  onStart(listener: (file: TestFile) => void): void
}

/** Listens for a message of each test file that runs (see backend/tests/support/watched.ts). */
export async function watchFiles(answerMs = ANSWER_MS): Promise<TestFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'todo-runner-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'socket')
  const running: TestFile[] = []
  let tell = (_file: TestFile) => {}
  const server = createServer((socket) => {
    const lines = createInterface({ input: socket })
    // A killed file resets the socket; `close` follows the error.
    for (const emitter of [socket, lines]) emitter.on('error', () => {})
    lines.once('line', (line) => {
      const file = testFile(JSON.parse(line), socket, lines, answerMs)
      running.push(file)
      tell(file)
      file.ended.then(() => running.splice(running.indexOf(file), 1))
    })
  })
  server.unref()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  process.env.TEST_RUNNER = path
  return {
    running,
    onStart: (listener) => {
      tell = listener
    },
  }
}

function testFile(
  { pid, file }: { pid: number; file: string },
  socket: Socket,
  lines: Interface,
  answerMs: number,
): TestFile {
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return {
    path: file,
    ended,
    whatIsOpen: async () => {
      socket.write('?\n')
      const answer = new Promise<string[]>((resolve) => {
        lines.once('line', (line) => resolve(inLines(JSON.parse(line))))
      })
      let timer: NodeJS.Timeout | undefined
      const silence = new Promise<string[]>((resolve) => {
        timer = setTimeout(
          () => resolve(['    it does not say: it is in an endless loop']),
          answerMs,
        )
      })
      const gone = ended.then(() => ['    it has ended'])
      return Promise.race([answer, silence, gone]).finally(() => clearTimeout(timer))
    },
    kill: () => {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // The process has already ended.
      }
    },
  }
}

function inLines(answer: { tests: string[]; open: string[]; handles: string[] }): string[] {
  return [
    ...answer.tests.map((name) => `    test: ${name}`),
    ...answer.open.map((what) => `    ${what}`),
    `    handles: ${answer.handles.join(', ')}`,
  ]
}
