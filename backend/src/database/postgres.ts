import type { Connector } from './connector.ts'

export interface PostgresOptions {
  readonly url: string
  /** The same database without a pooler in between. */
  readonly directUrl: string
  readonly poolMax: number
}

/** Connections to a PostgreSQL server (15 or newer), Neon's pooled and direct addresses included. */
export function connectPostgres({ url, directUrl, poolMax }: PostgresOptions): Connector {
  const { hostname, pathname } = new URL(url)
  return {
    description: `PostgreSQL, database ${decodeURIComponent(pathname.slice(1))} at ${hostname}: what is acknowledged is as durable as that server makes it`,
    size: poolMax,
    pooled: { connectionString: url, application_name: 'todo-backend' },
    direct: { connectionString: directUrl, application_name: 'todo-backend migrate' },
    failed: new Promise(() => {}),
    close: async () => {},
  }
}
