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
