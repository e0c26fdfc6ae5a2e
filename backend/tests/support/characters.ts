import fc from 'fast-check'

/** The halves of surrogate pairs, which are no characters. */
const HALVES = { from: 0xd800, count: 0x800 }

/**
 * Any character of Unicode: the unit of a text of any characters. fast-check's own one, `binary`, makes a table of them
 * all for each text that a test defines, which takes half a second of CPU time.
 */
export const anyCharacter = fc.nat({ max: 0x10ffff - HALVES.count }).map(
  (n) => String.fromCodePoint(n < HALVES.from ? n : n + HALVES.count),
  (value) => {
    // fast-check asks whether it could have made names such as `__proto__`, which it then adds to the texts.
    const code =
      typeof value === 'string' && value.isWellFormed() ? value.codePointAt(0) : undefined
    if (code === undefined || value !== String.fromCodePoint(code)) throw new Error('No character')
    return code < HALVES.from ? code : code - HALVES.count
  },
)
