import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type LockOptions, takeLock } from '../../src/database/pglite/lock-file.ts'
import { testFolder } from '../support/databases.ts'
import { endLockProcesses, type LockProcess, startLockProcess } from '../support/lock-processes.ts'
import { runProgram } from '../support/process.ts'

const IN_USE = /The embedded database is in use by .*DATABASE_URL=pglite:<directory>$/
/** A watcher that has to wait longer than any test lasts, and one that hardly has to. */
const NEVER = { times: { patienceMs: 0, stillMs: 600_000 } }
const SOON = { times: { patienceMs: 0, beatMs: 20, stillMs: 300, settleMs: 200, confirmMs: 40 } }
const NO_LOCKS: LockOptions = { ...SOON, takeFileLock: () => 'unavailable' }

const refusedBy = (pid: number) => ({
  name: 'LockedError',
  message: new RegExp(`in use by process ${pid} on `),
})
/** A signal stops or ends a process a moment after it was sent, and locks are gone before it is a zombie. */
async function untilState(pid: number, state: 'T' | 'Z'): Promise<void> {
  if (process.platform !== 'linux') return
  while (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] !== state) await nextTurn()
}

async function holding(folder: string, options = {}, unreaped = false): Promise<LockProcess> {
  const holder = await startLockProcess(options, unreaped)
  assert.equal(await holder.ask(`take ${folder}`), 'held')
  return holder
}

describe('the lock of a folder', () => {
  afterEach(endLockProcesses)

  it('is taken by one process, and by the next after its release, which leaves no files', async () => {
    const folder = await testFolder()
    for (let time = 0; time < 3; time += 1) {
      const lock = await takeLock(folder)
      await assert.rejects(takeLock(folder, NEVER), refusedBy(process.pid))
      lock.release()
      lock.release()
      assert.deepEqual(await readdir(folder), [])
    }
  })

  it('is held by another process while that runs, and while it is stopped', async () => {
    const folder = await testFolder()
    const holder = await holding(folder)
    await assert.rejects(takeLock(folder, NEVER), refusedBy(holder.pid))
    holder.kill('SIGSTOP')
    await untilState(holder.pid, 'T')
    await assert.rejects(takeLock(folder, { times: { patienceMs: 300, stillMs: 0 } }), IN_USE)
    holder.kill('SIGCONT')
    assert.equal(await holder.ask('release'), 'released')
    ;(await takeLock(folder, NEVER)).release()
  })

  it('ends with a killed process, even before it is reaped', async (t) => {
    if (process.platform !== 'linux') return t.skip('zombies are looked up in /proc')
    const folder = await testFolder()
    const holder = await holding(folder, {}, true)
    holder.kill('SIGKILL')
    const lock = await takeLock(folder, { times: { patienceMs: 60_000, stillMs: 600_000 } })
    // Nobody ever reaps it.
    await untilState(holder.pid, 'Z')
    lock.release()
    assert.deepEqual(await readdir(folder), [])
  })

  it('is not taken from a process in another PID namespace', async () => {
    const folder = await testFolder()
    const holder = await holding(folder)
    const file = join(folder, 'lock')
    const written = JSON.parse(await readFile(file, 'utf8'))
    for (const hidden of [{ pid: 2 ** 22 + 1 }, { started: '1' }, { host: 'elsewhere' }]) {
      await writeFile(file, JSON.stringify({ ...written, ...hidden }))
      await assert.rejects(takeLock(folder, NEVER), IN_USE)
    }
    assert.equal(await holder.ask('release'), 'released')
  })

  it('is taken at once from a dead process whose host name was another, or whose id is reused', async () => {
    const folder = await testFolder()
    const file = join(folder, 'lock')
    for (const other of [{ host: 'elsewhere' }, { pid: process.pid }, { started: null }]) {
      const holder = await holding(folder)
      holder.kill('SIGKILL')
      await holder.ended
      await writeFile(
        file,
        JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...other }),
      )
      ;(await takeLock(folder, NEVER)).release()
    }
  })

  it('belongs to the folder: a copy can be used beside it, and a renamed folder', async () => {
    const original = await testFolder()
    const holder = await holding(original)
    const copy = `${original}-copy`
    await runProgram('cp', ['-r', original, copy], {})
    ;(await takeLock(copy, NEVER)).release()
    await assert.rejects(takeLock(original, NEVER), refusedBy(holder.pid))
    holder.kill('SIGKILL')
    await holder.ended
    const moved = `${original}-moved`
    await rename(original, moved)
    ;(await takeLock(moved, NEVER)).release()
  })

  it('can be had at the end of a long path', async () => {
    const folder = join(await testFolder(), ...Array(4).fill('x'.repeat(200)))
    await mkdir(folder, { recursive: true })
    const lock = await takeLock(folder, SOON)
    await assert.rejects(takeLock(folder, SOON), refusedBy(process.pid))
    lock.release()
  })
})

describe('the lock of a folder that ten processes take at once', () => {
  let all: LockProcess[]
  before(async () => {
    const times = { ...SOON.times, patienceMs: 100, stillMs: 60_000, settleMs: 1_000 }
    all = await Promise.all(Array.from({ length: 10 }, () => startLockProcess({ times })))
  })
  after(endLockProcesses)

  for (const [take, how, rounds] of [
    ['take', 'with', 12],
    ['take without locks', 'without', 3],
  ] as const) {
    it(`is taken by one of them, ${how} the system’s locks`, async () => {
      for (let round = 0; round < rounds; round += 1) {
        const folder = await testFolder()
        const answers = await Promise.all(all.map((one) => one.ask(`${take} ${folder}`)))
        assert.equal(answers.filter((answer) => answer === 'held').length, 1, answers.join('\n'))
        for (const answer of answers) if (answer !== 'held') assert.match(answer, IN_USE)
        await Promise.all(all.map((one) => one.ask('release')))
        await rm(folder, { recursive: true })
      }
    })
  }
})

describe('files of a held lock that somebody removes', () => {
  afterEach(endLockProcesses)
  for (const names of [['lock.sqlite'], ['lock'], ['lock', 'lock.sqlite']]) {
    it(`lets nobody else in, and is put back: ${names.join(' and ')}`, async () => {
      const folder = await testFolder()
      const holder = await holding(folder, SOON)
      for (const name of names) await rm(join(folder, name))
      // Whoever comes before the holder has noticed sees its signs of life.
      if (names.length === 1) await assert.rejects(takeLock(folder, NEVER), IN_USE)
      // By name: while the holder writes `lock`, the folder also has a temporary file for a moment.
      let isOver = false
      holder.ended.then(() => {
        isOver = true
      })
      for (const name of ['lock', 'lock.sqlite']) {
        while (!(await readdir(folder)).includes(name)) {
          assert.ok(!isOver, 'the holder lost the folder')
          await nextTurn()
        }
      }
      await assert.rejects(takeLock(folder, NEVER), refusedBy(holder.pid))
      assert.equal(await holder.ask('release'), 'released')
      assert.deepEqual(await readdir(folder), [])
    })
  }

  it('ends the holder when the folder itself is gone, and when another has it', async () => {
    const folder = await testFolder()
    const holder = await holding(folder, SOON)
    await rename(folder, `${folder}-elsewhere`)
    assert.match(await holder.next(), /^lost: .*its lock file was removed/)
    await holder.ended
    const another = await holding(`${folder}-elsewhere`, SOON)
    const file = join(`${folder}-elsewhere`, 'lock')
    const token = 'of somebody else'
    const written = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(`${file}.new`, JSON.stringify({ ...written, token }))
    await rename(`${file}.new`, file)
    assert.match(await another.next(), /^lost: .*has taken the folder over/)
    await another.ended
  })
})

describe('the lock of version 0.1', () => {
  const started = () => readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[19]
  const held = async (holder: object | string) => {
    const folder = await testFolder()
    const text = typeof holder === 'string' ? holder : JSON.stringify({ token: 'x', ...holder })
    await writeFile(join(folder, 'lock'), text)
    return folder
  }

  it('keeps the folder while its process certainly runs, or nobody can tell', async () => {
    const own = { pid: process.pid, host: hostname() }
    const holders = [{ ...own, started: null }]
    if (process.platform === 'linux') holders.push({ ...own, started: started() ?? null } as never)
    for (const holder of holders) {
      await assert.rejects(takeLock(await held(holder), NEVER), refusedBy(process.pid))
    }
  })

  it('does not matter otherwise, nor do the files that it left', async (t) => {
    const dead = { pid: 2 ** 22 + 1, host: hostname(), started: '1' }
    const reused = { ...dead, pid: process.pid }
    const elsewhere = { ...dead, host: 'elsewhere' }
    for (const holder of [dead, reused, elsewhere, '', '{', 'null', '[]', '{"pid":"x"}', '7']) {
      if (holder === reused && process.platform !== 'linux') continue
      const folder = await held(holder)
      await mkdir(join(folder, 'lock.takeover'))
      ;(await takeLock(folder, NEVER)).release()
      assert.deepEqual(await readdir(folder), [], JSON.stringify(holder))
    }
    if (process.platform !== 'linux') return t.diagnostic('a reused id cannot be told there')
  })
})

describe('where the system has no locks', () => {
  afterEach(endLockProcesses)

  it('signs of life keep the folder, and one that stands still gives it up', async () => {
    const folder = await testFolder()
    const holder = await holding(folder, { ...SOON, noLocks: true })
    await assert.rejects(takeLock(folder, { ...NO_LOCKS, ...NEVER }), refusedBy(holder.pid))
    const told: string[] = []
    holder.kill('SIGKILL')
    await holder.ended
    const lock = await takeLock(folder, { ...NO_LOCKS, report: (line) => told.push(line) })
    assert.match(told.join(), /^Cannot tell yet whether another server uses .* for 0.3 s$/)
    lock.release()
    assert.deepEqual(await readdir(folder), [])
  })

  it('a holder that was stopped for too long notices before it does anything more', async () => {
    const folder = await testFolder()
    const stopped = await takeLock(folder, {
      ...NO_LOCKS,
      // Its beats never come: it is stopped until it asks.
      times: { ...SOON.times, beatMs: 600_000, confirmMs: 0 },
    })
    assert.ok(stopped.confirm())
    const other = await startLockProcess({ ...SOON, noLocks: true })
    assert.equal(await other.ask(`take ${folder}`), 'held')
    assert.ok(!stopped.confirm())
    assert.match((await stopped.lost).message, /process \d+ on .* has taken the folder over/)
    stopped.release()
    await assert.rejects(takeLock(folder, { ...NO_LOCKS, ...NEVER }), refusedBy(other.pid))
  })

  it('a holder on another kernel is watched, whatever lock is had here', async () => {
    const folder = await testFolder()
    const holder = await holding(folder, { ...SOON, noLocks: true })
    // On a network file system each kernel may keep its locks for itself.
    await assert.rejects(takeLock(folder, { times: { patienceMs: 0 } }), refusedBy(holder.pid))
    holder.kill('SIGSTOP')
    await untilState(holder.pid, 'T')
    const lock = await takeLock(folder, SOON)
    holder.kill('SIGCONT')
    assert.match(await holder.next(), /^lost: /)
    await holder.ended
    await sleep(0)
    assert.ok(lock.confirm())
    lock.release()
  })
})
