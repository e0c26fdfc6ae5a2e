import { readFile, writeFile } from 'node:fs/promises'
import { readArguments } from '../core/arguments.ts'
import { loadConfig } from '../core/config/config.ts'
import { endWithReason } from '../core/log/end.ts'
import { detectScope } from '../database/scope.ts'
import type { Database } from '../database/session.ts'

const FILE = new URL(
  '../../../specs/001-backend-spec-manager/contracts/openapi.json',
  import.meta.url,
)

const nowhere = { description: 'none', size: 1, pooled: {}, direct: {}, chooseScope: detectScope }

/** The document is built without a database, so every statement rejects. */
const noDatabase: Database = {
  description: 'none',
  failed: new Promise(() => {}),
  asUser: () => Promise.reject(new Error('npm run openapi has no database')),
  ping: () => Promise.reject(new Error('npm run openapi has no database')),
  close: async () => {},
}

/** `npm run openapi`: writes the OpenAPI document; with `--check`, fails when the file differs. */
try {
  const { flags } = readArguments({
    usage: 'Usage: npm run openapi [-- --check]',
    flags: ['check'],
  })
  // Loading the server takes most of the time, and --help does not need it.
  const { buildApp } = await import('../app.ts')
  const { openAccounts } = await import('../accounts/accounts.ts')
  const { createLogger } = await import('../core/log/logger.ts')
  const config = loadConfig({ BETTER_AUTH_SECRET: 'x'.repeat(32), DATABASE_URL: 'pglite:memory' })
  const logger = await createLogger('silent')
  const connector = { ...nowhere, failed: noDatabase.failed, close: noDatabase.close }
  const accounts = openAccounts(config, connector, logger)
  const app = await buildApp({ config, database: noDatabase, accounts, logger })
  await app.ready()
  const document = `${JSON.stringify(app.swagger(), null, 2)}\n`
  if (!flags.has('check')) {
    await writeFile(FILE, document)
  } else if ((await readFile(FILE, 'utf8').catch(() => '')) !== document) {
    throw new Error(
      `${FILE.pathname} differs from the document that the server serves. Run npm run openapi`,
    )
  }
  await app.close()
} catch (error) {
  endWithReason(error)
}
