import { availableParallelism, cpus, platform } from 'node:os'
import { count, megabytes, table } from '../bench/report/text.ts'
import type { Result } from './perform.ts'
import type { Survival } from './survive.ts'

export function passed(result: Result): boolean {
  return 'reason' in result ? result.notTried : result.violations.length === 0
}

/** One result, in a line and its violations below. */
export function toLine(result: Result): string {
  if ('reason' in result) {
    return `${result.name}: ${result.notTried ? 'not tried' : 'failed'}: ${result.reason}`
  }
  const { name, note, counts, wrong, foreign, unanswered, recovery, violations } = result
  const parts = [
    `${counts.acknowledgedWrites} writes acknowledged`,
    `${wrong.lost} lost, ${wrong.twice} twice, ${wrong['half-done']} half-done, ${foreign} foreign`,
    `${counts.unavailable} × 503, ${counts.cut} cut, ${counts.replayed} replayed`,
    `${unanswered.done} of ${unanswered.creations} creations without an answer took place`,
    `recovered in ${milliseconds(Math.max(recovery.writeMs, recovery.readyMs))}`,
    ...(note === '' ? [] : [note]),
  ]
  const verdict = violations.length === 0 ? 'survived' : `${violations.length} promises broken`
  const shown = violations.slice(0, 10).map((violation) => `\n  - ${violation}`)
  return `${name}: ${verdict}: ${parts.join(' · ')}${shown.join('')}`
}

/** The whole run, to be read. @param postgres version of PostgreSQL. */
export function toMarkdown(results: readonly Result[], postgres: string, seconds: number): string {
  const tried = results.filter((result): result is Survival => !('reason' in result))
  const survived = tried.filter(passed).length
  const sum = (figure: (one: Survival) => number) =>
    count(tried.reduce((total, one) => total + figure(one), 0))
  const totals = [
    ['faults survived', `${survived} of ${tried.length}`],
    ['writes acknowledged', sum(({ counts }) => counts.acknowledgedWrites)],
    ['of these lost', sum(({ wrong }) => wrong.lost)],
    ['done twice', sum(({ wrong }) => wrong.twice)],
    ['half-done', sum(({ wrong }) => wrong['half-done'])],
    ['answers with something of another user', sum(({ foreign }) => foreign)],
    ['answers of 503', sum(({ counts }) => counts.unavailable)],
  ]
  const head = ['', 'writes acknowledged', 'lost', 'twice', 'half-done', '503', 'cut', 'replayed']
  head.push('unanswered, yet done', 'recovered', 'memory', 'sessions', '')
  const reasons = results.flatMap((result) =>
    'reason' in result
      ? [
          `- **${result.name}** (${result.what}) ${result.notTried ? 'was not tried' : 'failed'}: ${result.reason}`,
        ]
      : [],
  )
  const parts = [
    '# What it survives',
    'Made by `npm run test:faults`, which lets each of these happen to a server under steady, mixed load. Every writer notes what it was answered; afterwards that is compared with what the database has. "Unanswered, yet done" counts creations that the client was not told of, and that took place: a client without an `Idempotency-Key` cannot know. Half of the users send one, and send again what was not answered: "replayed" are their requests that had been done before, and were answered with what was answered then. A server has recovered when, after the end of the fault, a write is answered and `/readyz` is 200; the promise is 2 s. Memory and sessions at the database are before the fault and after it.',
    [
      new Date().toISOString().slice(0, 10),
      `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'} (${platform()}), all on this one machine`,
      `Node ${process.versions.node}`,
      `PostgreSQL ${postgres}`,
      `${count(seconds)} s in all`,
    ].join(' · '),
    table(['', ''], totals),
    table(head, tried.map(row)),
    ...reasons,
    '## What happens in each',
    tried
      .map(({ name, what, note }) => `- **${name}**: ${what}${note && ` (${note})`}.`)
      .join('\n'),
  ]
  return `${parts.join('\n\n')}\n`
}

function row(result: Survival): string[] {
  const { name, counts, wrong, unanswered, recovery, before, after } = result
  return [
    name,
    ...[counts.acknowledgedWrites, wrong.lost, wrong.twice, wrong['half-done']].map(count),
    ...[counts.unavailable, counts.cut, counts.replayed].map(count),
    `${unanswered.done} of ${unanswered.creations}`,
    milliseconds(Math.max(recovery.writeMs, recovery.readyMs)),
    `${megabytes(before.rssBytes)} → ${megabytes(after.rssBytes)}`,
    `${before.sessions} → ${after.sessions}`,
    passed(result) ? 'survived' : '**broken**',
  ]
}

function milliseconds(value: number): string {
  return Number.isFinite(value) ? `${count(value)} ms` : 'never'
}
