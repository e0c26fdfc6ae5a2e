import type { Connector } from './connector.ts'
import { detectScope } from './scope.ts'

export interface PostgresOptions {
  readonly url: string
  /** The same database without a pooler in between. */
  readonly directUrl: string
  readonly poolMax: number
}

/** @returns how to connect to PostgreSQL (15 or newer), also through Neon's pooled and direct addresses. */
export function connectPostgres({ url, directUrl, poolMax }: PostgresOptions): Connector {
  const { hostname, pathname } = new URL(url)
  return {
    description: `PostgreSQL, database ${decodeURIComponent(pathname.slice(1))} at ${hostname}: acknowledged tasks are as durable as that server stores them`,
    size: poolMax,
    pooled: { connectionString: url, application_name: 'todo-backend' },
    chooseScope: detectScope,
    direct: { connectionString: directUrl, application_name: 'todo-backend migrate' },
    failed: new Promise(() => {}),
    close: async () => {},
  }
}
