import type { TestApp } from './app.ts'

/** Somebody else, who asks all the while, on a new connection each time. */
export interface Bystander {
  /** How long the slowest answer took, and how many there were; all of them are 200. */
  leave(): Promise<{ slowestMs: number; answers: number }>
}

export function startBystander(test: TestApp): Bystander {
  let here = true
  let slowestMs = 0
  let answers = 0
  const asking = (async () => {
    while (here) {
      for (const path of ['/livez', '/api/bystander/tasks']) {
        const startedMs = performance.now()
        const { status } = await test.send('GET', path)
        if (status !== 200) throw new Error(`${path} answered ${status}`)
        slowestMs = Math.max(slowestMs, performance.now() - startedMs)
        answers += 1
      }
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  })()
  asking.catch(() => undefined) // leave() tells
  return {
    leave: async () => {
      here = false
      await asking
      return { slowestMs, answers }
    },
  }
}
