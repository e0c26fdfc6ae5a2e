import { API_MUTANTS } from './mutants/api.ts'
import { DATABASE_MUTANTS } from './mutants/database.ts'
import { HTTP_MUTANTS } from './mutants/http.ts'
import { MIGRATIONS_MUTANTS } from './mutants/migrations.ts'
import { MODELS_MUTANTS } from './mutants/models.ts'
import type { Mutant } from './mutants/mutant.ts'

/** All mutants, by the folders of the code that they change. */
export const MUTANTS: readonly Mutant[] = [
  ...HTTP_MUTANTS,
  ...MODELS_MUTANTS,
  ...MIGRATIONS_MUTANTS,
  ...DATABASE_MUTANTS,
  ...API_MUTANTS,
]

/** The startup check would notice every change of the schema before a test does. */
export const WITHOUT_CATALOGUE: Pick<Mutant, 'file' | 'edits'> = {
  file: 'backend/src/database/walls/walls.ts',
  edits: [['await proveCatalogue(client, newer)\n      await proveVerbs', 'await proveVerbs']],
}
