import { Client } from 'pg'
import { connectPglite } from '../../../backend/src/database/pglite/pglite.ts'
import { type Population, seedSmall } from '../data/seed.ts'

/** Fills an embedded database that a stopped server has created. */
export async function seedEmbedded(databaseUrl: string): Promise<Population> {
  const connector = await connectPglite(databaseUrl.replace(/^pglite:/, ''))
  const client = new Client(connector.direct)
  await client.connect()
  const population = await seedSmall(client)
  await client.end()
  await connector.close()
  return population
}
