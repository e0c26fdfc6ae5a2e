import type { Spread } from '../figures/ratio.ts'

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_name, at) => (at === 0 ? '---' : '---:'))
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

export function megabytes(bytes: number | null): string {
  return bytes === null ? 'unknown' : `${(bytes / 1e6).toFixed(0)} MB`
}

/** @returns three significant digits, with at most two decimals. */
export function number(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}

/** `1.32 (1.20–1.41)` */
export function range({ median, from, to }: Spread): string {
  return from === to ? number(median) : `${number(median)} (${number(from)}–${number(to)})`
}

/** `20 527` */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
}
