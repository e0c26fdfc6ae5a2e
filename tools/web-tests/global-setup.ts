import { makeFolder } from '../../backend/tests/support/global-setup.ts'

/** Runs once before the tests in this folder, which use the embedded database alone. */
export const globalSetup = makeFolder
