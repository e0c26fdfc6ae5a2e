import { type Fault, NotTried, type Scene } from './fault.ts'
import { type CutOptions, cutPower, type PowerCuts, recordLoad } from './power-cut/power-cut.ts'
import { type Survival, survive } from './survive.ts'

/** A fault without a result, because this machine cannot inject it, or because of an error. */
export interface Missing {
  readonly name: string
  readonly what: string
  readonly reason: string
  readonly notTried: boolean
}

/** Power cuts of an embedded database. */
export interface Cuts extends PowerCuts {
  readonly name: string
  readonly what: string
}

export type Result = Survival | Missing | Cuts

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

/** Cuts the power of an embedded database that many times. */
export function powerCuts(cuts: number): Act {
  const name = 'embedded-power-cut'
  const what = `the power fails at ${cuts} random moments of a load; the disk has what was synced, and any part of the rest`
  return {
    names: [name],
    perform: async (wanted, tell) => {
      if (!wanted(name)) return
      const seed = Math.floor(Math.random() * 2 ** 31)
      await cutRecorded({ cuts, seed }).then(
        (result) => tell({ name, what: `${what} (seed ${seed})`, ...result }),
        (error) => tell(missing({ name, what }, error)),
      )
    },
  }
}

async function cutRecorded(options: CutOptions): Promise<PowerCuts> {
  const load = await recordLoad()
  try {
    return await cutPower(load, options)
  } finally {
    load.remove()
  }
}

function missing({ name, what }: Pick<Missing, 'name' | 'what'>, error: unknown): Missing {
  const reason = error instanceof Error ? error.message : String(error)
  return { name, what, reason, notTried: error instanceof NotTried }
}
