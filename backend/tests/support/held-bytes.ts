import { BroadcastChannel } from 'node:worker_threads'

export const MEASURE = 'todo-held-bytes'

/** @returns what the thread with the program measured-worker.ts holds after a garbage collection. */
export async function heldBytes(): Promise<number> {
  const channel = new BroadcastChannel(MEASURE)
  try {
    return await new Promise<number>((resolve) => {
      channel.onmessage = (event: unknown) => {
        const { data } = event as { data: number } // measured-worker.ts sends nothing else
        resolve(data)
      }
      channel.postMessage('measure')
    })
  } finally {
    channel.close()
  }
}
