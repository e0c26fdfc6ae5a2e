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
import { closeApp, Device, type DeviceOptions } from './device.ts'

export interface OpenOptions extends DeviceOptions {
  /** To wait for; `live` if it is left out. */
  readonly state?: SyncState
}

/** Devices of new users, and a server for all tests of a suite. */
export interface Devices {
  readonly app: TestApp
  /** Opens a device of a new user, which has read the feed. */
  open(options?: Partial<OpenOptions>): Promise<Device>
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
    app = await startApp('pglite', environment)
  })
  afterEach(async () => {
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

  return {
    get app() {
      return app
    },
    open,
    another: ({ user }, options) => open({ ...options, user }),
    async elsewhere({ user }, method, path, sending) {
      const answer = await app.send(method, `/api/${user}/tasks${path}`, sending)
      assert.ok(answer.status < 300, answer.text)
      return answer
    },
  }
}
