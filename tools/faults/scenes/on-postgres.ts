import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { type PostgresToBreak, startPostgresToBreak } from '../../../scripts/postgres.ts'
import { readTruth } from '../check/truth.ts'
import type { Scene } from '../fault.ts'
import { type CommitProxy, startCommitProxy } from '../proxy/commit-proxy.ts'
import { type ServerProcess, startServer } from '../server-process.ts'

/** A server on a PostgreSQL, with a proxy between them that a fault controls. */
export interface OnPostgres extends Scene {
  readonly postgres: PostgresToBreak
  readonly proxy: CommitProxy
  /** Runs `work` as the superuser, without the proxy. @returns its result. */
  asAdmin<Result>(work: (admin: Client) => Promise<Result>): Promise<Result>
  /** Starts another server after one has ended. */
  startAgain(): Promise<void>
}

export interface OnPostgresOptions {
  readonly postgresSettings?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  /** The number of server processes. */
  readonly processes?: number
  readonly mostSessions?: number
  /** Starts a program between the proxy and PostgreSQL. @returns its URL. */
  readonly between?: (url: string) => Promise<string>
  readonly postgresEnvironment?: Readonly<Record<string, string>>
  /** An empty folder for the data, if not one of the temporary directory. */
  readonly postgresFolder?: string
}

const POOL = 8
/** MAX_CONNECTIONS of backend/src/database/accounts/account-pool.ts. */
const ACCOUNTS_POOL = 4
/** While it has streams, a server listens to others on a session of its own, past any pooler. */
export const NOTICES = 1

export async function openOnPostgres({
  postgresSettings = [],
  settings = {},
  processes = 1,
  mostSessions = (POOL + ACCOUNTS_POOL) * processes + NOTICES,
  between = async (url) => url,
  postgresEnvironment = {},
  postgresFolder,
}: OnPostgresOptions = {}): Promise<OnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'todo-faults-'))
  const postgres = await startPostgresToBreak({
    settings: postgresSettings,
    environment: postgresEnvironment,
    ...(postgresFolder === undefined ? {} : { folder: postgresFolder }),
  })
  const proxy = await startCommitProxy(await between(postgres.url))
  const start = () =>
    startServer({
      folder,
      settings: {
        ...{ DATABASE_URL: proxy.url, DATABASE_URL_UNPOOLED: postgres.url },
        ...{ DATABASE_POOL_MAX: String(POOL), ...settings },
      },
    })
  let server: ServerProcess = await start()
  const asAdmin: OnPostgres['asAdmin'] = async (work) => {
    const admin = new Client({ connectionString: postgres.url })
    admin.on('error', () => {})
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.end().catch(() => undefined)
    }
  }
  version = await asAdmin(
    async (admin) => (await admin.query('show server_version')).rows[0].server_version,
  )
  return {
    postgres,
    proxy,
    mostSessions,
    get server() {
      return server
    },
    asAdmin,
    sessions: () => asAdmin(countSessions),
    truth: (prefix) => asAdmin((admin) => readTruth(admin, prefix)),
    startAgain: async () => {
      server = await start()
    },
    close: async () => {
      server.kill('SIGTERM')
      await server.ended
      await proxy.close()
      await postgres.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

async function countSessions(admin: Client): Promise<number> {
  const { rows } = await admin.query(
    `select count(*)::int from pg_stat_activity where application_name like 'todo-backend%'`,
  )
  return rows[0].count
}

let version = 'unknown'

/** @returns the version of the PostgreSQL server that was started last. */
export function postgresVersion(): string {
  return version
}
