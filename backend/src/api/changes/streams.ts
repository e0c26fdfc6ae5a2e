import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { AppError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import type { Log } from '../../core/log/logger.ts'
import { ALL } from '../../database/notices.ts'
import type { Database } from '../../database/session.ts'
import type { Revocations } from '../../http/identity/revocations.ts'
import type { TokenTimes } from '../../http/identity/token-times.ts'
import type { QueuedBytes } from '../../http/protocol/queued-bytes.ts'
import { type EachChange, type EachChangePage, eachChange } from '../../models/changes/changes.ts'
import type { ChangeHints, HintListener } from '../../models/changes/hints.ts'
import { isReady, newReader, nextOf, pauseAfterFailure, type Reader } from './reader.ts'
import { ChangeStream, eventsOf } from './stream.ts'

export interface StreamsOptions {
  readonly database: Pick<Database, 'asUser'>
  readonly limits: Limits
  readonly hints: ChangeHints
  readonly queued: QueuedBytes
  readonly revocations: Revocations
  readonly log: Log
}

/**
 * All open streams of this process. A hint, or a minute without one, makes a stream read the feed after its
 * position, in the scope of its user. One timer serves all streams.
 */
export class Streams implements HintListener {
  readonly #options: StreamsOptions
  readonly #readers = new Map<string, Reader>()
  /** The users by the hash of their ids. Several may have the same one. */
  readonly #byHint = new Map<string, Set<Reader>>()
  /** Users with a stream that has something to read. */
  readonly #due = new Set<Reader>()
  /** Users whose tasks this process has changed in this event-loop tick. */
  readonly #changed = new Set<Reader>()
  readonly #timer: NodeJS.Timeout
  #reads = 0
  #closing = false

  constructor(options: StreamsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#check(), options.limits.streamCheckMs).unref()
    options.hints.listenWith(this)
  }

  /**
   * Counts a stream from now until its response has closed, and remembers the hints that arrive for it.
   *
   * @throws {AppError} `too_many_requests`, `service_unavailable`
   */
  open(userId: string, times: TokenTimes, raw: ServerResponse): ChangeStream {
    this.#admit(userId)
    const { hints } = this.#options
    const reader = this.#readers.get(userId) ?? this.#addReader(userId)
    const stream = new ChangeStream(raw, times, () => this.#wake(reader))
    reader.streams.add(stream)
    hints.streams += 1
    raw.once('close', () => {
      if (!reader.streams.delete(stream)) return
      hints.streams -= 1
      if (reader.streams.size === 0) this.#removeReader(reader)
    })
    return stream
  }

  changed(userId: string): void {
    const reader = this.#readers.get(userId)
    if (reader === undefined) return
    for (const stream of reader.streams) stream.isStale = true
    // The response of the write goes first, and the changes of one event-loop tick are one read.
    if (this.#changed.size === 0) setImmediate(() => this.#wakeChanged())
    this.#changed.add(reader)
  }

  heard(hint: string): void {
    const readers = hint === ALL ? this.#readers.values() : (this.#byHint.get(hint) ?? [])
    for (const reader of readers) this.#markStale(reader)
  }

  /** Sends the head and the first page of a response. The stream then continues by itself. */
  begin(
    stream: ChangeStream,
    userId: string,
    headers: OutgoingHttpHeaders,
    page: EachChangePage,
  ): void {
    stream.begin(headers)
    stream.send(eventsOf(page))
    stream.isStale ||= page.more
    const reader = this.#readers.get(userId)
    if (reader !== undefined) this.#wake(reader)
  }

  /** Ends all streams, and opens no more. */
  close(): void {
    this.#closing = true
    clearInterval(this.#timer)
    for (const stream of this.#all()) stream.end()
  }

  #admit(userId: string): void {
    const { limits, hints } = this.#options
    const headers = { 'retry-after': String(1 + Math.floor(Math.random() * 10)) }
    if (this.#closing) {
      throw new AppError('service_unavailable', { detail: 'The server is stopping', headers })
    }
    if ((this.#readers.get(userId)?.streams.size ?? 0) >= limits.streamsOfOneUser) {
      const detail = `A user may have ${limits.streamsOfOneUser} open streams; close one`
      throw new AppError('too_many_requests', { detail, headers })
    }
    if (hints.streams >= limits.streamsOpen) {
      throw new AppError('service_unavailable', { detail: 'Too many streams are open', headers })
    }
  }

  #addReader(userId: string): Reader {
    const reader = newReader(userId)
    const { hint } = reader
    this.#readers.set(userId, reader)
    this.#byHint.set(hint, (this.#byHint.get(hint) ?? new Set()).add(reader))
    return reader
  }

  #removeReader(reader: Reader): void {
    this.#readers.delete(reader.userId)
    this.#due.delete(reader)
    const same = this.#byHint.get(reader.hint)
    same?.delete(reader)
    if (same?.size === 0) this.#byHint.delete(reader.hint)
  }

  *#all(): Iterable<ChangeStream> {
    for (const { streams } of this.#readers.values()) yield* streams
  }

  #markStale(reader: Reader): void {
    for (const stream of reader.streams) stream.isStale = true
    this.#wake(reader)
  }

  #wakeChanged(): void {
    const readers = [...this.#changed]
    this.#changed.clear()
    for (const reader of readers) this.#wake(reader)
  }

  #wake(reader: Reader): void {
    if (!reader.isReading && nextOf(reader) !== undefined) this.#due.add(reader)
    this.#readDue()
  }

  #readDue(): void {
    const { limits, queued } = this.#options
    const nowMs = performance.now()
    for (const reader of this.#due) {
      if (this.#reads >= limits.streamReads || queued.areTooMany) return
      this.#due.delete(reader)
      // The timer tries these again.
      if (reader.pausedUntilMs > nowMs || queued.hasTooManyOf(reader.userId)) continue
      const stream = nextOf(reader)
      if (stream !== undefined) void this.#read(reader, stream)
    }
  }

  /** Reads one page, for all streams of the user that are at the position of this one. */
  async #read(reader: Reader, { position }: ChangeStream): Promise<void> {
    const { epoch, seq } = position ?? {}
    const streams = [...reader.streams].filter(
      (stream) =>
        isReady(stream) && stream.position?.seq === seq && stream.position?.epoch === epoch,
    )
    for (const stream of streams) stream.isStale = false
    reader.isReading = true
    this.#reads += 1
    try {
      const { streamChanges } = this.#options.limits
      const statement = eachChange(position, streamChanges)
      this.#send(streams, await this.#options.database.asUser(reader.userId, statement))
      reader.failures = 0
    } catch (error) {
      this.#failed(reader, streams, error)
    } finally {
      reader.isReading = false
      this.#reads -= 1
      this.#wake(reader)
    }
  }

  #send(streams: readonly ChangeStream[], result: EachChange): void {
    if (result.outcome === 'expired') {
      // Their clients reconnect, and get 410.
      for (const stream of streams) stream.end()
      return
    }
    const events = eventsOf(result.page)
    for (const stream of streams) {
      stream.send(events)
      stream.isStale ||= result.page.more
    }
  }

  #failed(reader: Reader, streams: readonly ChangeStream[], error: unknown): void {
    if (error instanceof AppError && error.code === 'unauthorized') {
      for (const stream of streams) stream.end()
      return
    }
    for (const stream of streams) stream.isStale = true
    pauseAfterFailure(reader)
    this.#options.log.warn({ err: error }, 'changes could not be read for a stream')
  }

  #check(): void {
    const { limits, revocations } = this.#options
    if (this.#readers.size === 0) return
    // The list of revocations is kept current while it is used.
    void revocations.ready()
    const nowMs = performance.now()
    for (const reader of this.#readers.values()) {
      for (const stream of reader.streams) {
        const { expiresMs, issuedAt } = stream.times
        const isOver = Date.now() >= expiresMs || revocations.refuses(reader.userId, issuedAt)
        if (isOver) stream.end()
        else if (nowMs - stream.writtenMs >= limits.streamCommentMs) stream.comment()
        if (nowMs - stream.readMs >= limits.streamQuietMs) {
          stream.isQuiet = true
          stream.isStale = true
        }
      }
      if (!reader.isReading && nextOf(reader) !== undefined) this.#due.add(reader)
    }
    this.#readDue()
  }
}
