import type { TestApp } from './app.ts'

/** Somebody else asks, each time on a new connection, and is answered. */
export async function isServed(test: TestApp): Promise<void> {
  for (let time = 0; time < 3; time += 1) {
    for (const path of ['/livez', '/api/bystander/tasks']) {
      const { status } = await test.send('GET', path)
      if (status !== 200) throw new Error(`${path} answered ${status}`)
    }
  }
}
