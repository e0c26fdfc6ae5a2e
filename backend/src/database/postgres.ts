import { readPostgresTls } from '../core/config/postgres-tls.ts'
import type { Connector } from './connector.ts'
import type { ConnectionConfig } from './database-client.ts'
import { PreferredTls } from './preferred-tls.ts'
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
    pooled: { ...configOf('DATABASE_URL', url), application_name: 'todo-backend' },
    chooseScope: detectScope,
    direct: {
      ...configOf('DATABASE_URL_UNPOOLED', directUrl),
      application_name: 'todo-backend migrate',
    },
    failed: new Promise(() => {}),
    close: async () => {},
  }
}

function configOf(name: string, given: string): ConnectionConfig {
  const { url, tls, prefersTls, isDirect, channelBinding } = readPostgresTls(name, given)
  const config = { connectionString: url }
  if (tls === undefined) return config
  if (tls === false) return { ...config, ssl: false }
  if (prefersTls) return { ...config, ssl: false, stream: () => new PreferredTls(tls) }
  return {
    ...{ ...config, ssl: tls, enableChannelBinding: channelBinding !== 'disable' },
    ...(channelBinding === 'require' && { requiresChannelBinding: true }),
    ...(isDirect && { sslnegotiation: 'direct' }),
  }
}
