import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Control characters, and invisible ones: a terminal would obey them, or show a text in another order. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu

const escaped = (character: string) =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

/** @returns a text of another person for a terminal: control and invisible characters as `\u001b`. */
export function printable(text: string): string {
  return text.replace(INVISIBLE, escaped)
}

/** @returns the value as one line of JSON, in which those characters are escaped as well. */
export function jsonLine(value: unknown): string {
  // Only texts can contain these characters, and there an escape sequence has the same meaning.
  return JSON.stringify(value).replace(INVISIBLE, escaped)
}

/** Writes a line to standard output, or to another stream, and waits while the reader is slower. */
export async function printLine(line: string, output: Writable = process.stdout): Promise<void> {
  if (!output.write(`${line}\n`)) await once(output, 'drain')
}
