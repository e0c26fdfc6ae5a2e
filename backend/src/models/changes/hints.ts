import { hash } from 'node:crypto'

/** Reads the feed of users whose tasks have changed. */
export interface HintListener {
  /** A statement of this process may have changed tasks of the user. */
  changed(userId: string): void
  /** Another process says the same of users with this hash, or with `all` of any user. */
  heard(hint: string): void
}

/** Passes hints to other processes. */
export interface HintRelay {
  /** Called with the hash of a user for each change of this process. */
  add(hint: string): void
  /** Whether this process has open streams, so that hints of others are of use. */
  listen(isListening: boolean): void
}

/** @returns 64 bits of a hash, 11 characters. Two users with the same hash are only read once too often. */
export function hintOf(userId: string): string {
  return hash('sha256', userId, 'base64url').slice(0, 11)
}

/**
 * Tells the streams of this process that tasks of a user may have changed. A hint carries no data: a stream reads
 * the feed in the scope of its own user. A lost hint delays a stream, and a needless one costs a read.
 */
export class ChangeHints {
  #listener: HintListener | undefined
  #relay: HintRelay | undefined
  #streams = 0

  /** The number of open streams in this process. */
  get streams(): number {
    return this.#streams
  }

  set streams(count: number) {
    const wasListening = this.#streams > 0
    this.#streams = count
    if (wasListening !== count > 0) this.#relay?.listen(count > 0)
  }

  listenWith(listener: HintListener): void {
    this.#listener = listener
  }

  relayTo(relay: HintRelay): void {
    this.#relay = relay
  }

  /** Call it after a statement that may have changed tasks of the user. */
  changed(userId: string): void {
    this.#listener?.changed(userId)
    this.#relay?.add(hintOf(userId))
  }

  /** Call it with the hint of another process. */
  heard(hint: string): void {
    this.#listener?.heard(hint)
  }
}
