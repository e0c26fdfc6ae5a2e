import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pino } from 'pino'
import { regularly } from '../src/jobs/regularly.ts'

it('a job that takes longer than its interval is not repeated for each interval', async ({
  mock,
}) => {
  mock.timers.enable({ apis: ['setInterval'] })
  let runs = 0
  let waiting = Promise.withResolvers<void>()
  const work = async () => {
    runs += 1
    await waiting.promise
  }
  const log = pino({ level: 'silent' })
  const end = regularly({ job: 'work', everyMs: 10, log, failure: 'it failed' }, work)
  mock.timers.tick(50)
  const last = waiting
  waiting = Promise.withResolvers()
  last.resolve()
  await nextTurn()
  assert.equal(runs, 1)
  mock.timers.tick(10)
  assert.equal(runs, 2)
  waiting.resolve()
  end()
})
