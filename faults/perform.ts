import { type Fault, NotTried, type Scene } from './fault.ts'
import { type Survival, survive } from './survive.ts'

/** What came of a fault, or why it was not tried. */
export type Result = Survival | { readonly name: string; readonly what: string; reason: string }

/** Faults that happen to one server, one after the other. */
export interface Act {
  readonly names: readonly string[]
  /** @param wanted whether to let a fault happen. @param tell is given each result as it comes. */
  perform(wanted: (name: string) => boolean, tell: (result: Result) => void): Promise<void>
}

export function act<Place extends Scene>(
  open: () => Promise<Place>,
  faults: readonly Fault<Place>[],
): Act {
  return {
    names: faults.map(({ name }) => name),
    perform: async (wanted, tell) => {
      const chosen = faults.filter(({ name }) => wanted(name))
      if (chosen.length === 0) return
      const notTried = (error: unknown, { name, what }: Fault<Place>) => {
        if (!(error instanceof NotTried)) throw error
        tell({ name, what, reason: error.message })
      }
      const scene = await open().catch((error) => {
        for (const fault of chosen) notTried(error, fault)
      })
      if (scene === undefined) return
      try {
        for (const fault of chosen) {
          await survive(scene, fault).then(tell, (error) => notTried(error, fault))
        }
      } finally {
        await scene.close()
      }
    },
  }
}
