import { act } from './perform.ts'
import { cutAll, cutAt, cutBefore, cutWithin, terminate } from './postgres/cuts.ts'
import { openOnPostgres } from './scenes/on-postgres.ts'

/** Every fault, by what it happens to. */
export const ACTS = [act(() => openOnPostgres(), [cutBefore, cutAt, cutWithin, cutAll, terminate])]
