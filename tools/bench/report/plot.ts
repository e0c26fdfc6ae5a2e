import { writeFileSync } from 'node:fs'
import { median } from '../figures/ratio.ts'
import { DRIZZLE, FASTAPI, FLOOR, OURS } from '../servers/contestants.ts'
import { RESULTS } from './publish.ts'
import type { Report } from './report.ts'
import { rate } from './targets.ts'
import { count } from './text.ts'

/** The servers of the plot in order, with colours that people with colour blindness can distinguish. */
const COLOURS: Record<string, string> = {
  [FLOOR]: '#b8c0cc',
  [OURS]: '#0b6bcb',
  [DRIZZLE]: '#e0a100',
  [FASTAPI]: '#a8443b',
}

const WIDTH = 760
const LABEL = 110
const BAR = 14
const GROUP_GAP = 18
const TOP = 66
/** The space for the number after the longest bar. */
const RIGHT = 70

/** Draws the requests per second of every kind of work as bars, in tools/bench/results/. */
export function writePlot(name: string, report: Report): void {
  writeFileSync(new URL(`${name}.svg`, RESULTS), toSvg(report))
}

function toSvg({ comparisons, versions, machine }: Report): string {
  const groups = comparisons.map(({ title, standings }) => ({
    title,
    bars: Object.entries(COLOURS).flatMap(([name, colour]) => {
      const standing = standings.find((one) => one.name === name)
      return standing ? [{ colour, perSecond: median(standing.rounds.map(rate)) }] : []
    }),
  }))
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ perSecond }) => perSecond)))
  const scale = (WIDTH - LABEL - RIGHT) / most
  let y = TOP
  const drawn = groups.map(({ title, bars }) => {
    const middle = y + (bars.length * BAR) / 2
    const lines = bars.map(({ colour, perSecond }) => {
      const width = perSecond * scale
      const line = `<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${colour}"/><text x="${(LABEL + width + 5).toFixed(1)}" y="${y + 10}" class="value">${count(perSecond)}</text>`
      y += BAR
      return line
    })
    y += GROUP_GAP
    return `<text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${title}</text>${lines.join('')}`
  })
  const legend = Object.entries(COLOURS).map(
    ([name, colour], at) =>
      `<rect x="${LABEL + at * 150}" y="36" width="12" height="12" fill="${colour}"/><text x="${LABEL + at * 150 + 17}" y="46">${name}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="Requests a second, by kind of work and server">
<style>text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:14px;font-weight:600}.value{font-size:10px;fill:#666}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${LABEL}" y="22" class="title">Requests a second, ${machine.cores} cores for load, server and PostgreSQL ${versions.postgresql}</text>
${legend.join('\n')}
${drawn.join('\n')}
</svg>
`
}
