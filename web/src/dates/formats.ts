/** To make an object of `Intl` costs a hundred times as much as to use it, so each is made once. */
function once<Key extends readonly unknown[], Made>(make: (...key: Key) => Made) {
  const known = new Map<string, Made>()
  return (...key: Key): Made => {
    const name = JSON.stringify(key)
    const made = known.get(name) ?? make(...key)
    known.set(name, made)
    return made
  }
}

/** @returns a format for days at midnight UTC, unless the options name another zone. */
export const format = once(
  (language: string, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(language, { timeZone: 'UTC', ...options }),
)

/** @returns a format for lists such as "Monday and Friday". */
export const listFormat = once(
  (language: string) => new Intl.ListFormat(language, { type: 'conjunction' }),
)

/** @returns whether texts are equal but for their case. */
export const sameText = equalBy(new Intl.Collator(undefined, { sensitivity: 'accent' }))

function equalBy({ compare }: Intl.Collator): (one: string, other: string) => boolean {
  return (one, other) => compare(one, other) === 0
}
