import assert from 'node:assert/strict'
import { after, afterEach, before } from 'node:test'
import type { Environment } from '../../../backend/src/core/config/settings.ts'
import {
  type Answer,
  type Sending,
  startApp,
  type TestApp,
} from '../../../backend/tests/support/app.ts'
import type { SyncState } from '../../src/sync/create-sync.ts'
import type { Edit } from '../../src/sync/edit.ts'
import { closeApp, Device, type DeviceOptions } from './device.ts'

/** Time passes at once. */
export const SOON = { sleep: () => new Promise<void>(setImmediate) }

/** A new title for a task. @param seen the title that the person saw when they began to edit. */
export const title = (id: string, text: string, seen?: string): Edit => ({
  edit: 'update',
  id,
  change: { title: text },
  ...(seen !== undefined && { seen: { title: seen } }),
})

export interface OpenOptions extends DeviceOptions {
  /** To wait for; `live` if it is left out. */
  readonly state?: SyncState
}

/** Devices of new users, and a server for all tests of a suite. */
export interface Devices {
  readonly app: TestApp
  /** Opens a device of a new user, which has read the feed. */
  open(options?: Partial<OpenOptions>): Promise<Device>
  /** Opens a device of a new user with a task that the server has. @returns it, and the id of the task. */
  openWithTask(task?: object, options?: Partial<OpenOptions>): Promise<[Device, string]>
  /** Opens another device of the same user. */
  another(device: Device, options?: Partial<OpenOptions>): Promise<Device>
  /** Sends a request as another program of the user. */
  elsewhere(device: Device, method: string, path: string, sending?: Sending): Promise<Answer>
}

/** Call it in `describe`: it starts the server before the tests, and stops devices after each. */
export function useDevices(environment: Environment = {}): Devices {
  let app: TestApp
  let people = 0
  const devices: Device[] = []
  before(async () => {
    app = await startApp('postgres', environment)
  })
  afterEach(async (context) => {
    // Also after its time limit.
    if ('passed' in context && !context.passed) {
      for (const device of devices) console.error(`${context.name}: ${device.report()}`)
    }
    await Promise.all(devices.splice(0).map((device) => device.stop()))
  })
  after(() => closeApp(app))

  async function open(options: Partial<OpenOptions> = {}): Promise<Device> {
    people += 1
    const device = new Device(app, { user: `person-${people}`, ...options })
    devices.push(device)
    await device.is(options.state ?? 'live')
    return device
  }

  async function openWithTask(
    task: object = {},
    options: Partial<OpenOptions> = {},
  ): Promise<[Device, string]> {
    const device = await open(options)
    const [id = ''] = await device.apply({ edit: 'create', task: { title: 'Milk', ...task } })
    await device.agrees()
    device.seen.length = 0
    return [device, id]
  }

  return {
    get app() {
      return app
    },
    open,
    openWithTask,
    another: ({ user }, options) => open({ ...options, user }),
    async elsewhere({ user }, method, path, sending) {
      const answer = await app.send(method, `/api/${user}/tasks${path}`, sending)
      assert.ok(answer.status < 300, answer.text)
      return answer
    },
  }
}
