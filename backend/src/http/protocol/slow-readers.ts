import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Limits } from '../../core/limits.ts'
import type { QueuedBytes } from './queued-bytes.ts'

const SAMPLES_PER_WINDOW = 30

/** How long a client had bytes waiting, and how many it read in that time. */
interface Reader {
  waitedMs: number
  takenBytes: number
  /** The number of the latest sample, and the bytes read until then. */
  sample: number
  totalBytes: number
}

/** The socket's handle, which Node's types omit: it counts the bytes the system has not accepted yet. */
interface Handle {
  readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null
}

/**
 * Closes the connection of a client that reads fewer than `slowestBytesPerSecond` over `slowestOverMs`.
 * A client that reads a little now and then is never idle, and keeps its responses in memory. Time
 * without waiting bytes does not count.
 */
export function cutSlowReaders(app: FastifyInstance, queued: QueuedBytes, limits: Limits): void {
  const { slowestOverMs, slowestBytesPerSecond } = limits
  const intervalMs = slowestOverMs / SAMPLES_PER_WINDOW
  const leastBytes = (slowestBytesPerSecond * slowestOverMs) / 1_000
  const readers = new WeakMap<Socket, Reader>()
  let sample = 0
  const check = (socket: Socket): void => {
    const { bytesWritten, writeQueueSize } = (socket as Handle)._handle ?? {} // see above
    if (bytesWritten === undefined || writeQueueSize === undefined) return
    const totalBytes = bytesWritten - writeQueueSize
    const reader = readers.get(socket) ?? { waitedMs: 0, takenBytes: 0, sample: 0, totalBytes }
    readers.set(socket, reader)
    if (reader.sample === sample - 1 && (writeQueueSize > 0 || socket.writableLength > 0)) {
      reader.waitedMs += intervalMs
      reader.takenBytes += totalBytes - reader.totalBytes
    }
    Object.assign(reader, { sample, totalBytes })
    if (reader.waitedMs < slowestOverMs) return
    if (reader.takenBytes < leastBytes) socket.destroy()
    Object.assign(reader, { waitedMs: 0, takenBytes: 0 })
  }
  const timer = setInterval(() => {
    sample += 1
    for (const { req } of queued.waiting) check(req.socket)
  }, intervalMs).unref()
  app.addHook('onClose', async () => clearInterval(timer))
}
