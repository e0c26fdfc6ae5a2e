import { readFile, writeFile } from 'node:fs/promises'
import { readArguments } from '../core/arguments.ts'
import { endWithReason } from '../core/log/end.ts'
import { connect } from '../database/connect.ts'
import { inTrial, withDirectClient } from '../database/direct.ts'
import { migrate } from '../database/migrate/migrate.ts'
import { CATALOGUE_FILE, readCatalogue, writeCatalogue } from '../database/walls/catalogue.ts'

/**
 * `npm run catalogue`: writes a description of the schema that the migrations create in an empty database.
 * The server compares its database with that file at every start. With `--check`, the command fails if the
 * file differs.
 */
try {
  const { flags } = readArguments({
    usage: 'Usage: npm run catalogue [-- --check]',
    flags: ['check'],
  })
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
  if (!flags.has('check')) {
    await writeFile(CATALOGUE_FILE, text)
  } else if ((await readFile(CATALOGUE_FILE, 'utf8').catch(() => '')) !== text) {
    throw new Error(
      `${CATALOGUE_FILE.pathname} differs from the schema that the migrations create. Run npm run catalogue`,
    )
  }
} catch (error) {
  endWithReason(error)
}
