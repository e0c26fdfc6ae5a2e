/** The thread of the embedded database, as worker.ts is, with the code that compiled-pglite.ts has compiled. */
import { getEnvironmentData } from 'node:worker_threads'
import { PGlite, type PGliteOptions } from '@electric-sql/pglite'
import { COMPILED, type CompiledPglite } from './compiled-pglite.ts'

const compiled = getEnvironmentData(COMPILED) as unknown as CompiledPglite // from compiled-pglite.ts

const create = PGlite.create.bind(PGlite)
Object.assign(PGlite, {
  create: (options: PGliteOptions) => create({ ...options, ...compiled }),
})

await import('../../src/database/pglite/worker.ts')
