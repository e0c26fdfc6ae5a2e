import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { title, useDevices } from './support/devices.ts'

describe('a device of the tests that waits to try again', { timeout: 60_000 }, () => {
  const devices = useDevices({ RATE_LIMIT_PER_MINUTE: '4' })

  it('fails the test with the response that it got, if no test made it', async () => {
    const device = await devices.open()
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk' } })
    await device.unsent(0)
    for (const text of ['Oat milk', 'Soy milk', 'Rice milk']) {
      await device.apply(title(id, text))
      await device.unsent(0).catch(() => {})
    }
    const failure = { message: /^The device waits \d+ ms .*update [-\w]+ → 429/s }
    await assert.rejects(device.unsent(0), failure)
    await assert.rejects(
      device.until(device.sync.tasks, (tasks) => tasks.size === 9),
      failure,
    )
  })

  it('fails the test if the connection is cut', async () => {
    const device = await devices.open()
    devices.app.app.server.closeAllConnections()
    await assert.rejects(device.unsent(1), { message: /^The device waits .* offline/s })
  })
})

describe('a device of the tests whose network a test disturbs', { timeout: 60_000 }, () => {
  const devices = useDevices()

  it('waits to try again, until the test ends that', async () => {
    const device = await devices.open()
    device.goOffline()
    await device.is('offline')
    await device.apply({ edit: 'create', task: { title: 'Milk' } })
    device.goOnline()
    await device.agrees()
    assert.deepEqual(device.titles(), ['Milk'])
  })
})
