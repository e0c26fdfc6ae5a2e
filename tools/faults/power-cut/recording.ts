import { readFileSync } from 'node:fs'

/** An operation of the thread on a file, or its acknowledgment to a client. Paths are absolute. */
export type Operation =
  | { readonly kind: 'create' | 'unlink' | 'mkdir' | 'rmdir'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly position: number }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | {
      readonly kind: 'sync-begins' | 'sync-ends'
      readonly path: string
      /** The same for the beginning and the end of one sync. */
      readonly number: number
    }
  | { readonly kind: 'acknowledge'; readonly titles: readonly string[] }

export type Recorded = Operation & { readonly data: Buffer }

/** The titles of the tasks in this experiment: the number of the task, and of its version. */
export const ACKNOWLEDGED = /cut-\d+-v\d+/g

export function recordingOf(directory: string): string {
  return `${directory}.recording`
}

const NEWLINE = 0x0a

export function readRecording(directory: string): Recorded[] {
  const file = readFileSync(recordingOf(directory))
  const found: Recorded[] = []
  let at = 0
  while (at < file.length) {
    const end = file.indexOf(NEWLINE, at)
    // Written by recorded-worker.ts.
    const { bytes, ...operation } = JSON.parse(file.toString('utf8', at, end)) as Operation & {
      bytes: number
    }
    at = end + 1
    found.push({ ...operation, data: file.subarray(at, at + bytes) })
    at += bytes
  }
  return found
}
