import { closeSync, constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { testFolder } from './databases.ts'
import { runProgram } from './process.ts'
import { endWithTest } from './started.ts'

/** A pipe, whose reader does what a test says. Between processes Node makes sockets, which are none. */
export interface Fifo {
  /** To be written to, by a process that is started with it or by the test. */
  readonly descriptor: number
  /** All that was read when that matches. */
  until(pattern: RegExp): Promise<string>
  /** From here on nobody reads. */
  stall(): void
  /** All that comes until that matches. */
  flow(pattern: RegExp): Promise<string>
  /** From here on there is no reader. */
  leave(): Promise<void>
}

export async function makeFifo(): Promise<Fifo> {
  const path = join(await testFolder(), 'pipe')
  await runProgram('mkfifo', [path], {})
  const reader = new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  })
  const descriptor = openSync(path, constants.O_WRONLY)
  endWithTest('pipe', () => {
    reader.destroy()
    closeSync(descriptor)
  })
  let text = ''
  reader.on('data', (chunk) => {
    text += chunk
  })
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) await new Promise((resolve) => reader.once('data', resolve))
    return text
  }
  return {
    descriptor,
    until,
    stall: () => void reader.pause(),
    flow: (pattern) => {
      reader.resume()
      return until(pattern)
    },
    leave: () =>
      new Promise((resolve) => {
        reader.once('close', () => resolve())
        reader.destroy()
      }),
  }
}
