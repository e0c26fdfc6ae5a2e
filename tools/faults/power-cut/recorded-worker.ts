/**
 * The thread of an embedded database, with a recording of all that it does to its files. The recording
 * is a file beside the database: lines of JSON, each followed by the bytes that it wrote.
 *
 * It replaces functions of node:fs before the thread loads them, so the thread itself is the one that ships.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerReply } from '../../../backend/src/database/pglite/worker.ts'
import { ACKNOWLEDGED, type Operation, recordingOf } from './recording.ts'

const { directory } = workerData as { directory: string } // given by PgliteThread
const real = { ...fs }
const recording = real.openSync(recordingOf(directory), 'a')
const NOTHING = Buffer.alloc(0)

function record(operation: Operation, data: Uint8Array = NOTHING): void {
  real.writeSync(recording, `${JSON.stringify({ ...operation, bytes: data.length })}\n`)
  if (data.length > 0) real.writeSync(recording, data)
}

const inside = (path: fs.PathLike) => String(path).startsWith(directory)
const paths = new Map<number, string>()
let syncs = 0

function written(buffer: NodeJS.ArrayBufferView, offset: number, length: number): Buffer {
  return Buffer.from(buffer.buffer, buffer.byteOffset + offset, length)
}

Object.assign(fs, {
  openSync: (path: fs.PathLike, flags: fs.OpenMode, mode?: fs.Mode) => {
    const isNew = !real.existsSync(path)
    const fd = real.openSync(path, flags, mode)
    if (!inside(path)) return fd
    paths.set(fd, String(path))
    if (isNew) record({ kind: 'create', path: String(path) })
    else if (typeof flags === 'number' && (flags & real.constants.O_TRUNC) !== 0) {
      record({ kind: 'truncate', path: String(path), size: 0 })
    }
    return fd
  },
  closeSync: (fd: number) => {
    paths.delete(fd)
    real.closeSync(fd)
  },
  writeSync: (fd: number, buffer: Buffer, offset: number, length: number, position: number) => {
    const count = real.writeSync(fd, buffer, offset, length, position)
    const path = paths.get(fd)
    if (path !== undefined)
      record({ kind: 'write', path, position }, written(buffer, offset, count))
    return count
  },
  writeFileSync: (path: string, data: string, options: fs.WriteFileOptions) => {
    if (inside(path) && data !== '') throw new Error(`not recorded: writeFileSync of ${path}`)
    real.writeFileSync(path, data, options)
    if (inside(path)) record({ kind: 'create', path })
  },
  ftruncateSync: (fd: number, size = 0) => {
    real.ftruncateSync(fd, size)
    const path = paths.get(fd)
    if (path !== undefined) record({ kind: 'truncate', path, size })
  },
  truncateSync: (path: string, size = 0) => {
    real.truncateSync(path, size)
    if (inside(path)) record({ kind: 'truncate', path, size })
  },
  renameSync: (from: string, to: string) => {
    real.renameSync(from, to)
    for (const [fd, path] of paths) if (path === from) paths.set(fd, to)
    record({ kind: 'rename', path: from, to })
  },
  unlinkSync: (path: string) => {
    real.unlinkSync(path)
    record({ kind: 'unlink', path })
  },
  mkdirSync: (path: string, options: fs.MakeDirectoryOptions) => {
    real.mkdirSync(path, options)
    if (inside(path)) record({ kind: 'mkdir', path })
  },
  rmdirSync: (path: string) => {
    real.rmdirSync(path)
    record({ kind: 'rmdir', path })
  },
  symlinkSync: (_target: string, path: string) => {
    throw new Error(`not recorded: symlinkSync of ${path}`)
  },
  fsyncSync: (fd: number) => syncNow(fd, () => real.fsyncSync(fd)),
  fdatasyncSync: (fd: number) => syncNow(fd, () => real.fdatasyncSync(fd)),
  fdatasync: (fd: number, done: (error: Error | null) => void) => {
    const end = beginSync(fd)
    real.fdatasync(fd, (error) => {
      end()
      done(error)
    })
  },
})
syncBuiltinESMExports()

function syncNow(fd: number, sync: () => void): void {
  const end = beginSync(fd)
  sync()
  end()
}

/** A sync covers what was written before its beginning, and counts from its end. */
function beginSync(fd: number): () => void {
  const path = paths.get(fd)
  if (path === undefined) return () => {}
  syncs += 1
  const number = syncs
  record({ kind: 'sync-begins', path, number })
  return () => record({ kind: 'sync-ends', path, number })
}

function responsesIn(reply: WorkerReply): readonly Uint8Array[] {
  if (reply.kind === 'executed') return []
  return reply.kind === 'part' ? [reply.bytes] : reply.ends
}

if (parentPort !== null) {
  const post = parentPort.postMessage.bind(parentPort)
  parentPort.postMessage = (reply: WorkerReply) => {
    const acknowledged = responsesIn(reply).flatMap(
      (bytes) => Buffer.from(bytes).toString('latin1').match(ACKNOWLEDGED) ?? [],
    )
    if (acknowledged.length > 0) record({ kind: 'acknowledge', titles: acknowledged })
    post(reply)
  }
}

await import('../../../backend/src/database/pglite/worker.ts')
