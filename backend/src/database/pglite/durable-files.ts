import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { SEGMENT } from './damaged-folder.ts'

const fdatasyncSoon = promisify(fdatasync)

/** The parts of Emscripten's NODEFS that are used here; it has no types. */
interface FileNode {
  readonly name: string
  readonly parent: FileNode
}
interface FileStream {
  readonly node: FileNode
  readonly nfd?: number
}
interface Attributes {
  readonly size?: number
}
type Operation<First> = (first: First, ...rest: never[]) => unknown
interface NodeOperations {
  rename: Operation<FileNode>
  unlink: Operation<FileNode>
  rmdir: Operation<FileNode>
  setattr: (node: FileNode, attributes: Attributes) => unknown
}
type Write = (
  stream: FileStream,
  memory: Int8Array,
  offset: number,
  length: number,
  ...rest: never[]
) => number
interface StreamOperations {
  write: Write
  setattr: (stream: FileStream, attributes: Attributes) => unknown
  fsync?: (stream: FileStream) => number
}
interface NodeFilesystem {
  readonly node_ops: NodeOperations
  readonly stream_ops: StreamOperations
  realPath(node: FileNode): string
  tryFSOperation<Result>(operation: () => Result): Result
}

/** Whether a node is a segment of the write-ahead log. New ones have another name until they are synced. */
function isSegment({ name, parent }: FileNode): boolean {
  return parent.name === 'pg_wal' && SEGMENT.test(name)
}

const PAGE_BYTES = 8192
/** A table or an index, or a part of one. */
const RELATION = /^\d+(\.\d+)?$/
/** The header of a page (PostgreSQL manual §66.6). */
const HEADER_BYTES = 24
const EMPTY_HEADER = new Uint8Array(HEADER_BYTES)

/** Whether these are pages without content, with which PostgreSQL makes a table longer. No log describes them. */
function areEmptyPages(
  { name }: FileNode,
  memory: Int8Array,
  offset: number,
  length: number,
): boolean {
  if (!RELATION.test(name) || length % PAGE_BYTES !== 0) return false
  for (let at = offset; at < offset + length; at += PAGE_BYTES) {
    const header = Buffer.from(memory.buffer, memory.byteOffset + at, HEADER_BYTES)
    if (!header.equals(EMPTY_HEADER)) return false
  }
  return true
}

/**
 * The folder of an embedded database, whose commits survive a power cut. Emscripten's file system, which
 * PGlite uses, ignores fsync; this one does not.
 *
 * When PostgreSQL syncs its write-ahead log, the sync is only noted, so that one real sync serves several
 * commits. {@link flush} does it, and must end before any of these commits is acknowledged. PostgreSQL
 * also relies on the order of writes: it writes nothing else to disk before the log that describes it.
 * Therefore everything is preceded by the noted sync, but for writes to the log and empty pages.
 */
export class DurableFiles extends NodeFS {
  /** The segment with the latest sync, open for this purpose: PostgreSQL may close its own descriptor. */
  #segment: { readonly node: FileNode; readonly name: string; readonly fd: number } | undefined
  #owed = false
  /** Bytes written to the log since they were last set to 0. */
  logBytes = 0
  #flushing = 0
  readonly #replaced: number[] = []

  /** Whether a commit is not on disk yet. */
  get owed(): boolean {
    return this.#owed
  }

  /** Syncs the write-ahead log in libuv's thread pool. @throws if the disk fails: nothing is certain then. */
  async flush(): Promise<void> {
    if (!this.#owed || this.#segment === undefined) return
    this.#owed = false
    this.#flushing += 1
    await fdatasyncSoon(this.#segment.fd)
    this.#flushing -= 1
    if (this.#flushing === 0) for (const fd of this.#replaced.splice(0)) closeSync(fd)
  }

  /** The same, at once. */
  flushSync(): void {
    // A flush that has begun in the thread pool has not necessarily reached the disk.
    if (!this.#owed && this.#flushing === 0) return
    if (this.#segment !== undefined) fdatasyncSync(this.#segment.fd)
    // Not before: after a failure nothing may be released as if it were on disk.
    this.#owed = false
  }

  override async init(...parameters: Parameters<NodeFS['init']>) {
    const made = await super.init(...parameters)
    const { preRun = [] } = made.emscriptenOpts
    const steps = Array.isArray(preRun) ? preRun : [preRun]
    const patch = (module: object) => this.#patch((module as { NODEFS: NodeFilesystem }).NODEFS)
    return { emscriptenOpts: { ...made.emscriptenOpts, preRun: [patch, ...steps] } }
  }

  override async closeFs(): Promise<void> {
    await super.closeFs()
    if (this.#segment !== undefined) closeSync(this.#segment.fd)
    this.#segment = undefined
  }

  /** Each operation reaches the disk after the log that was synced before it. */
  #patch({ node_ops: nodes, stream_ops: streams, ...files }: NodeFilesystem): void {
    const behindLog =
      <Parameters extends unknown[], Result>(operation: (...parameters: Parameters) => Result) =>
      (...parameters: Parameters): Result => {
        this.flushSync()
        return operation(...parameters)
      }
    const { write, setattr } = streams
    nodes.rename = behindLog(nodes.rename)
    nodes.unlink = behindLog(nodes.unlink)
    nodes.rmdir = behindLog(nodes.rmdir)
    nodes.setattr = behindLog(nodes.setattr)
    streams.setattr = behindLog(setattr)
    streams.write = (stream, memory, offset, length, ...rest) => {
      const isLog = isSegment(stream.node)
      if (!isLog && !areEmptyPages(stream.node, memory, offset, length)) this.flushSync()
      const bytes = write(stream, memory, offset, length, ...rest)
      if (isLog) this.logBytes += bytes
      return bytes
    }
    streams.fsync = ({ node, nfd }) =>
      files.tryFSOperation(() => {
        if (isSegment(node)) this.#owe(node, () => files.realPath(node))
        else this.#sync(nfd, () => files.realPath(node))
        return 0
      })
  }

  #owe(node: FileNode, path: () => string): void {
    // PostgreSQL renames a segment that it no longer needs, to use it again.
    if (this.#segment?.node !== node || this.#segment.name !== node.name) {
      this.flushSync()
      if (this.#segment !== undefined) {
        this.#replaced.push(this.#segment.fd)
        if (this.#flushing === 0) for (const fd of this.#replaced.splice(0)) closeSync(fd)
      }
      this.#segment = { node, name: node.name, fd: openSync(path(), 'r+') }
    }
    this.#owed = true
  }

  #sync(nfd: number | undefined, path: () => string): void {
    this.flushSync()
    const fd = nfd ?? openSync(path(), 'r')
    try {
      fsyncSync(fd)
    } finally {
      if (nfd === undefined) closeSync(fd)
    }
  }
}
