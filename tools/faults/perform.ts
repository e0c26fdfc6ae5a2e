import { type Fault, NotTried, type Scene } from './fault.ts'
import { type Survival, survive } from './survive.ts'

/** A fault without a result, because this machine cannot inject it, or because of an error. */
export interface Missing {
  readonly name: string
  readonly what: string
  readonly reason: string
  readonly notTried: boolean
}

export type Result = Survival | Missing

/** Faults that are injected into one server, one after the other. */
export interface Act {
  readonly names: readonly string[]
  /** @param wanted whether to inject a fault. @param report receives each result. */
  perform(wanted: (name: string) => boolean, report: (result: Result) => void): Promise<void>
}

export function act<Place extends Scene>(
  open: () => Promise<Place>,
  faults: readonly Fault<Place>[],
): Act {
  return {
    names: faults.map(({ name }) => name),
    perform: async (wanted, report) => {
      const chosen = faults.filter(({ name }) => wanted(name))
      if (chosen.length === 0) return
      const scene = await open().catch((error) => {
        for (const fault of chosen) report(missing(fault, error))
      })
      if (scene === undefined) return
      try {
        for (const fault of chosen) {
          report(await survive(scene, fault).catch((error) => missing(fault, error)))
        }
      } finally {
        await scene.close()
      }
    },
  }
}

function missing({ name, what }: Pick<Missing, 'name' | 'what'>, error: unknown): Missing {
  const reason = error instanceof Error ? error.message : String(error)
  return { name, what, reason, notTried: error instanceof NotTried }
}
