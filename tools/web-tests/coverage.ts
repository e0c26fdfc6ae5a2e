import type { Page } from 'playwright-core'

type Entry = Awaited<ReturnType<Page['coverage']['stopJSCoverage']>>[number]

/** Which characters of the modules of all pages have run. */
export class Coverage {
  readonly #ran = new Map<string, boolean[]>()

  /** @param key names the module of a script; undefined for a script that does not count. */
  add(entries: readonly Entry[], key: (url: URL) => string | undefined): void {
    for (const { url, functions } of entries) {
      const name = key(new URL(url))
      if (name === undefined) continue
      const ran: boolean[] = []
      // V8 lists a function before those in it, and a block before those in it.
      for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
        for (let at = startOffset; at < endOffset; at += 1) ran[at] = count > 0
      }
      const before = this.#ran.get(name)
      const longer = before !== undefined && before.length > ran.length ? before : ran
      this.#ran.set(
        name,
        longer.map((_, at) => ran[at] === true || before?.[at] === true),
      )
    }
  }

  /** @returns the parts of a module's source that have not run on any page, or the whole source. */
  missing(name: string, source: string): string[] {
    const ran = this.#ran.get(name) ?? []
    const marked = [...source].map((character, at) => (ran[at] === true ? '\0' : character))
    return marked
      .join('')
      .split(/\0+/)
      .filter((part) => /\w/.test(part))
  }
}
