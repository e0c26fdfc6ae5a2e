import { median } from '../figures/ratio.ts'
import type { Phase } from '../load/steady-load.ts'
import { type Surroundings, surroundingsLine } from '../report/surroundings.ts'
import type { SignIns } from './sign-in.ts'

export interface Round {
  readonly quiet: Phase
  readonly busy: Phase
  readonly signIns: SignIns
}

export interface SignInsReport extends Surroundings {
  readonly betterAuth: string
  /** The load in one sentence. */
  readonly load: string
  /** The p99 of task requests during sign-ins, relative to the quiet phase before. */
  readonly ratio: { readonly median: number; readonly least: number; readonly most: number }
  /** The first sign-in, which loads Better Auth. */
  readonly firstSignIn: { readonly tasks: Phase; readonly seconds: number }
  readonly rounds: readonly Round[]
}

export function ratioOf(rounds: readonly Round[]): SignInsReport['ratio'] {
  const ratios = rounds.map(({ quiet, busy }) => busy.p99Ms / quiet.p99Ms)
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
}

export function toMarkdown(report: SignInsReport): string {
  const { ratio, rounds, firstSignIn } = report
  return `# Task requests while people sign in

${report.load}

${surroundingsLine(report, [`Better Auth ${report.betterAuth}`])}

During sign-ins the p99 is **${ratio.median.toFixed(2)}** times its quiet value (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)} over the rounds). No task request failed.

Times are from when a request was sent, and each is sent when it is due, whatever the others do; “sent late” is the load’s own delay, which is not in them. “Cores busy” is all that the machine did.

| round | | requests | p50 | p99 | longest | sent late, p99 | cores busy | ratio of p99 |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${rounds.map(taskRows).join('\n')}

| round | signed in | in | sign-ins/s | 503 | 429 |
| --- | ---: | ---: | ---: | ---: | ---: |
${rounds.map(signInRow).join('\n')}

The first sign-in of all, which loads Better Auth, took ${(firstSignIn.seconds * 1_000).toFixed(0)} ms; the longest task request meanwhile took ${ms(firstSignIn.tasks.maxMs)}.
`
}

function taskRows({ quiet, busy }: Round, at: number): string {
  return [
    taskRow([String(at + 1), 'quiet'], quiet, '1'),
    taskRow(['', 'during sign-ins'], busy, (busy.p99Ms / quiet.p99Ms).toFixed(2)),
  ].join('\n')
}

function taskRow(names: readonly string[], tasks: Phase, ratio: string): string {
  const times = [tasks.p50Ms, tasks.p99Ms, tasks.maxMs, tasks.lateP99Ms].map(ms)
  return `| ${[...names, tasks.requests, ...times, tasks.busyCores.toFixed(2), ratio].join(' | ')} |`
}

function signInRow({ signIns }: Round, at: number): string {
  const { count, seconds, perSecond, answered503, answered429 } = signIns
  const cells = [at + 1, count, `${seconds.toFixed(1)} s`, perSecond.toFixed(1)]
  return `| ${[...cells, answered503, answered429].join(' | ')} |`
}

const ms = (value: number) => `${value.toFixed(1)} ms`
