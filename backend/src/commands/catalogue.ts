import { readFile, writeFile } from 'node:fs/promises'
import { endWithReason } from '../core/end.ts'
import { CATALOGUE_FILE, readCatalogue, writeCatalogue } from '../database/catalogue.ts'
import { connect } from '../database/connect.ts'
import { inTrial, withDirectClient } from '../database/direct.ts'
import { migrate } from '../database/migrate.ts'

/**
 * `npm run catalogue`: writes down what the migrations make of an empty database, which every start
 * compares with its own; with `--check`, fails when the file differs.
 */
try {
  const database = { kind: 'pglite', directory: null } as const
  const connector = await connect({ database, poolMax: 1 })
  let text = ''
  try {
    await migrate(connector)
    await withDirectClient(connector.direct, (client) =>
      inTrial(client, async () => {
        text = writeCatalogue(await readCatalogue(client))
      }),
    )
  } finally {
    await connector.close()
  }
  if (!process.argv.includes('--check')) {
    await writeFile(CATALOGUE_FILE, text)
  } else if ((await readFile(CATALOGUE_FILE, 'utf8').catch(() => '')) !== text) {
    throw new Error(
      `${CATALOGUE_FILE.pathname} is not what the migrations make: run npm run catalogue`,
    )
  }
} catch (error) {
  endWithReason(error)
}
