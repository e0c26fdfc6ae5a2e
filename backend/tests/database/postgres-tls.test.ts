import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect as secure, TLSSocket } from 'node:tls'
import { type PostgresServer, startPostgresToBreak } from '../../../scripts/postgres.ts'
import { loadConfig } from '../../src/core/config/config.ts'
import { AccountPool } from '../../src/database/accounts/account-pool.ts'
import { openConnector } from '../../src/database/connect.ts'
import { withDirectClient } from '../../src/database/direct.ts'
import { PipelinedPool } from '../../src/database/pipeline/pool.ts'
import { connectPostgres } from '../../src/database/postgres.ts'
import { listAccounts } from '../../src/models/accounts/operator.ts'
import { insertTask } from '../../src/models/tasks/task.ts'
import { asServerAdmin, rawStatement, taskId, testFolder } from '../support/databases.ts'
import { runProgram } from '../support/process.ts'

const HBA = `
hostssl all carol 127.0.0.1/32 cert
hostssl all nopassword 127.0.0.1/32 trust
hostssl all plain 127.0.0.1/32 password
hostssl all all 127.0.0.1/32 scram-sha-256
hostnossl all postgres 127.0.0.1/32 scram-sha-256
`
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** An authority with a certificate for `localhost` and one for the login carol, and another authority. */
async function writeCertificates(folder: string): Promise<void> {
  const openssl = (...parameters: string[]) =>
    runProgram('openssl', parameters, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  for (const name of ['ca', 'other']) {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
    await openssl('req', '-x509', ...key, ...files, '-subj', `/CN=${name}`)
  }
  for (const [name, subject, by] of [
    ['server', 'localhost', 'ca'],
    ['client', 'carol', 'ca'],
    ['between', 'localhost', 'other'],
  ] as const) {
    const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`]
    await openssl('req', ...key.slice(0, 5), ...request, '-addext', `subjectAltName=DNS:${subject}`)
    const sign = ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial', '-days', '2']
    await openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.crt`,
      ...sign,
      '-copy_extensions',
      'copy',
    )
  }
  writeFileSync(join(folder, 'pg_hba.conf'), HBA)
  chmodSync(join(folder, 'client.key'), 0o600)
}

describe('TLS to PostgreSQL', () => {
  let server: PostgresServer
  let folder: string
  const warnings: Error[] = []
  const note = (warning: Error) => void warnings.push(warning)
  before(async () => {
    process.on('warning', note)
    folder = await testFolder()
    await writeCertificates(folder)
    server = await startPostgresToBreak({ settings: ['fsync=off'], tls: folder })
    await asServerAdmin(
      server.url,
      `create role carol login; create role nopassword login; create role plain login password 'x';
       create role owner superuser login password 'x'`,
    )
  })
  after(async () => {
    process.off('warning', note)
    await server.stop()
  })

  /** The address with these parameters, in which `{ca}` is a file of the folder. */
  function at(parameters: string, { login = 'owner', host = 'localhost', port = '' } = {}): string {
    const url = new URL(server.url)
    Object.assign(url, { username: login, password: 'x', hostname: host, search: '' })
    if (port !== '') url.port = port
    const search = parameters.replaceAll(/\{(\w+\.\w+)\}/g, (_, name) => join(folder, name))
    return `${url.href}${search && `?${search}`}`
  }

  const open = (url: string) =>
    openConnector(
      { database: { kind: 'postgres', url, directUrl: url }, poolMax: 1, accounts: null },
      () => {},
      { patienceMs: 0 },
    )

  /** @returns whether the connection has TLS, of a connection like those of migrations. */
  async function hasTls(url: string): Promise<boolean> {
    const { direct } = connectPostgres({ url, directUrl: url, poolMax: 1 })
    return withDirectClient(direct, async (client) => {
      const { rows } = await client.query(
        'select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()',
      )
      return rows[0].ssl
    })
  }

  const BY_IP = { host: '127.0.0.1' }
  for (const [why, parameters, options] of [
    ['require encrypts, and verifies nothing', 'sslmode=require', BY_IP],
    ['ssl=true is require', 'ssl=true', BY_IP],
    ['prefer encrypts where the server can', 'sslmode=prefer', BY_IP],
    ['require with the authority, and another host', 'sslmode=require&sslrootcert={ca.crt}', BY_IP],
    ['verify-ca, and another host', 'sslmode=verify-ca&sslrootcert={ca.crt}', BY_IP],
    ['verify-full', 'sslmode=verify-full&sslrootcert={ca.crt}'],
    ['direct negotiation', 'sslmode=require&sslnegotiation=direct', BY_IP],
    ['TLS 1.3 at least', 'sslmode=require&ssl_min_protocol_version=TLSv1.3'],
    ['channel_binding=require', 'sslmode=require&channel_binding=require'],
    ['channel_binding=require alone', 'channel_binding=require'],
    [
      'a client certificate',
      'sslmode=verify-full&sslrootcert={ca.crt}&sslcert={client.crt}&sslkey={client.key}',
      { login: 'carol' },
    ],
  ] as [string, string, { login?: string; host?: string }?][]) {
    it(`connects with ${why}`, async () => {
      assert.equal(await hasTls(at(parameters, options)), true)
    })
  }

  it('connects without TLS: disable, and prefer where the server has none', async () => {
    const withoutTls = process.env.TEST_DATABASE_URL ?? ''
    assert.equal(await hasTls(`${withoutTls}?sslmode=prefer`), false)
    assert.equal(await hasTls(`${server.url}?sslmode=disable`), false)
  })

  const TLS = 'The TLS connection to the database failed: '
  for (const [why, parameters, options, says] of [
    [
      'require with another authority',
      'sslmode=require&sslrootcert={other.crt}',
      {},
      `${TLS}.*Set sslrootcert`,
    ],
    [
      'verify-full with another host',
      'sslmode=verify-full&sslrootcert={ca.crt}',
      BY_IP,
      `${TLS}.*Set the host in DATABASE_URL`,
    ],
    ['verify-full with public authorities', 'sslmode=verify-full', {}, `${TLS}.*Set sslrootcert`],
    ['sslrootcert=system', 'sslrootcert=system', {}, `${TLS}.*Set sslrootcert`],
    [
      'a login without its certificate',
      'sslmode=require',
      { login: 'carol' },
      'The database refused: .*certificate.*Set sslcert and sslkey',
    ],
    [
      'channel_binding=require and a server that asks for no password',
      'channel_binding=require',
      { login: 'nopassword' },
      `${TLS}channel_binding=require, but .*SCRAM-SHA-256-PLUS`,
    ],
    [
      'channel_binding=require and a server that asks for the password itself',
      'channel_binding=require',
      { login: 'plain' },
      `${TLS}channel_binding=require, but .*SCRAM-SHA-256-PLUS`,
    ],
  ] as [string, string, { login?: string; host?: string }, string][]) {
    it(`ends at once with one line: ${why}`, async () => {
      const { message } = await open(at(parameters, options)).then(
        () => assert.fail('it connected'),
        (error: Error) => error,
      )
      assert.match(message, new RegExp(`^${says}`))
      assert.doesNotMatch(message, /\n/)
    })
  }

  it('ends at once where TLS is required and the server has none', async () => {
    const url = `${process.env.TEST_DATABASE_URL}?sslmode=require`
    await assert.rejects(open(url), new RegExp(`^Error: ${TLS}.*does not support SSL`))
  })

  it('serves tasks and accounts over TLS, also with prefer', async () => {
    for (const parameters of ['sslmode=prefer', 'channel_binding=require']) {
      const connector = await open(at(parameters))
      const database = new PipelinedPool(connector)
      const accounts = new AccountPool(connector)
      try {
        const id = taskId(parameters.length)
        const large = 'x'.repeat(16_000)
        await database.asUser('alice', insertTask(id, { title: 'x', description: large }))
        const text = 'select description from todo.tasks where id = $2'
        assert.deepEqual(await database.asUser('alice', rawStatement(text, [id])), [[large]])
        const page = { search: '', after: '', limit: 1 }
        assert.deepEqual(await accounts.run(listAccounts(page)), [])
      } finally {
        await accounts.close()
        await database.close()
      }
    }
  })

  it('channel binding notices someone in between, whose certificate is not the server’s', async () => {
    const files = {
      key: readFileSync(join(folder, 'between.key')),
      cert: readFileSync(join(folder, 'between.crt')),
    }
    const sockets = new Set<Socket>()
    const between = createServer((client) => {
      sockets.add(client)
      client.on('error', () => {})
      client.once('data', () => {
        client.write('S')
        const inside = new TLSSocket(client, { isServer: true, ...files })
        const upstream = connect(Number(new URL(server.url).port), '127.0.0.1')
        sockets.add(upstream)
        upstream.write(SSL_REQUEST)
        upstream.once('data', () => {
          const outside = secure({ socket: upstream, rejectUnauthorized: false })
          for (const stream of [inside, outside]) stream.on('error', () => {})
          inside.pipe(outside).pipe(inside)
        })
      })
    }).listen(0, '127.0.0.1')
    await once(between, 'listening')
    try {
      const port = String((between.address() as AddressInfo).port) // it listens on TCP
      const through = (parameters: string) => at(parameters, { ...BY_IP, port })
      assert.equal(await hasTls(through('sslmode=require')), true)
      await assert.rejects(hasTls(through('channel_binding=require')), /channel binding/i)
    } finally {
      for (const socket of sockets) socket.destroy()
      between.close()
    }
  })

  it('stops the start with one line for what it does not know', () => {
    for (const [parameters, says] of [
      ['sslmode=allow', /^DATABASE_URL: sslmode takes one of disable, prefer, require, verify-ca/],
      ['sslmode=no-verify', /^DATABASE_URL: sslmode takes one of/],
      ['ssl=yes', /^DATABASE_URL: ssl takes true/],
      ['channel_binding=always', /^DATABASE_URL: channel_binding takes one of/],
      ['sslmode=disable&channel_binding=require', /needs TLS, and sslmode is disable/],
      ['sslmode=verify-ca', /^DATABASE_URL: sslmode=verify-ca needs sslrootcert/],
      ['sslmode=require&sslrootcert=system', /sslrootcert=system needs sslmode=verify-full/],
      ['sslmode=require&sslrootcert=/nowhere.crt', /sslrootcert names a file that cannot be read/],
      ['sslmode=require&sslcert={client.crt}', /set both sslcert and sslkey, or neither/],
      ['sslmode=prefer&sslnegotiation=direct', /sslnegotiation=direct needs sslmode=require/],
      ['sslmode=require&sslcrl=x', /does not support sslcrl: leave it out/],
    ] as const) {
      const env = { BETTER_AUTH_SECRET: 'x'.repeat(32), DATABASE_URL: at(parameters) }
      assert.throws(() => loadConfig(env), { name: 'ConfigError', message: says }, parameters)
    }
  })

  it('pg has warned about nothing', () => assert.deepEqual(warnings, []))
})
