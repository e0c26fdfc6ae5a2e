import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Recorded } from './recording.ts'

/** Disks write whole sectors, and no more than that at once. */
const SECTOR_BYTES = 512

/**
 * Rebuilds the folder as a power cut may leave it: everything that was synced, and of everything else any
 * part. A write may be on the disk without an earlier one, and only some sectors of it.
 *
 * A sync of a file covers its content and its name, as journaling file systems have it; a sync of a
 * directory covers the names in it (POSIX).
 *
 * @param base a copy of the folder before the recording began.
 * @param cut the number of operations that had taken place.
 * @param random numbers from 0 to 1.
 */
export function rebuild(
  base: string,
  { from, to }: { from: string; to: string },
  recorded: readonly Recorded[],
  cut: number,
  random: () => number,
): void {
  cpSync(base, to, { recursive: true })
  const here = (path: string) => to + path.slice(from.length)
  const durable = durableBefore(recorded, cut)
  // A disk that happens to have written nearly all is as likely as one that has written nearly nothing.
  const share = random()
  const reached = () => random() < share
  const contents = new Map<string, Content>()
  const content = (path: string) => {
    const known = contents.get(path)
    if (known !== undefined || !existsSync(here(path))) return known
    const read = new Content(readFileSync(here(path)))
    contents.set(path, read)
    return read
  }
  for (const [number, operation] of recorded.slice(0, cut).entries()) {
    const certain = durable.has(number)
    if (operation.kind === 'write') {
      const { path, position, data } = operation
      content(path)?.write(position, data, certain ? () => true : reached)
    } else if (certain || reached()) {
      const { path } = operation as { path: string }
      if (operation.kind === 'truncate') content(path)?.resize(operation.size)
      if (operation.kind === 'mkdir') mkdirSync(here(path), { recursive: true })
      if (operation.kind === 'create' && existsSync(dirname(here(path)))) {
        writeFileSync(here(path), '')
        contents.set(path, new Content(Buffer.alloc(0)))
      }
      if (operation.kind === 'unlink' || operation.kind === 'rmdir') {
        rmSync(here(path), { recursive: true, force: true })
        contents.delete(path)
      }
      const moved = operation.kind === 'rename' ? content(path) : undefined
      if (operation.kind === 'rename' && moved !== undefined) {
        renameSync(here(path), here(operation.to))
        contents.delete(path)
        contents.set(operation.to, moved)
      }
    }
  }
  for (const [path, { bytes }] of contents) writeFileSync(here(path), bytes)
}

/** The content of a file, which grows in place. */
class Content {
  #room: Buffer
  #size: number

  constructor(bytes: Buffer) {
    this.#room = bytes
    this.#size = bytes.length
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#size)
  }

  resize(size: number): void {
    if (size > this.#room.length) {
      const room = Buffer.alloc(Math.max(size, 2 * this.#room.length))
      this.bytes.copy(room)
      this.#room = room
    }
    if (size < this.#size) this.#room.fill(0, size, this.#size)
    this.#size = size
  }

  /** @param reached whether a sector of the data reaches the disk. */
  write(position: number, data: Buffer, reached: () => boolean): void {
    for (let at = 0; at < data.length; ) {
      const end = Math.min(data.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES))
      if (reached()) {
        if (position + end > this.#size) this.resize(position + end)
        data.copy(this.#room, position + at, at, end)
      }
      at = end
    }
  }
}

/** @returns the numbers of the operations that are covered by a sync which ended before the cut. */
function durableBefore(recorded: readonly Recorded[], cut: number): Set<number> {
  const durable = new Set<number>()
  /** The operations that are not synced yet, by the path that has to be synced. */
  const pending = new Map<string, number[]>()
  const covered = new Map<number, readonly number[]>()
  const owe = (path: string, number: number) => {
    const list = pending.get(path)
    if (list === undefined) pending.set(path, [number])
    else list.push(number)
  }
  for (const [number, operation] of recorded.slice(0, cut).entries()) {
    if (operation.kind === 'acknowledge') continue
    const { kind, path } = operation
    if (kind === 'write' || kind === 'truncate' || kind === 'create') owe(path, number)
    if (kind === 'create' || kind === 'unlink' || kind === 'mkdir' || kind === 'rmdir') {
      owe(dirname(path), number)
    }
    if (kind === 'rename') {
      owe(dirname(operation.to), number)
      // The content goes with the file.
      pending.set(operation.to, pending.get(path) ?? [])
      pending.delete(path)
    }
    if (kind === 'sync-begins') covered.set(operation.number, pending.get(path)?.slice() ?? [])
    if (kind === 'sync-ends') {
      for (const one of covered.get(operation.number) ?? []) durable.add(one)
      pending.set(path, pending.get(path)?.filter((one) => !durable.has(one)) ?? [])
    }
  }
  return durable
}
