import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { SETTING_NAMES } from '../src/core/config/misspelt.ts'
import { STOP_LIMITS } from '../src/processes/stop.ts'
import { readImage } from './support/image.ts'

const read = (name: string) =>
  readFileSync(new URL(`../../deploy/${name}`, import.meta.url), 'utf8')
const image = readImage()

/** The documents of a file, by kind. */
function manifests(name: string) {
  const documents = parseAllDocuments(read(`kubernetes/${name}`))
  assert.deepEqual(
    documents.flatMap(({ errors }) => errors),
    [],
  )
  return new Map(documents.map((document) => [document.toJS().kind, document.toJS()]))
}

describe('the manifests for Kubernetes', () => {
  const server = manifests('server.yaml')
  const settings = manifests('settings.yaml').get('ConfigMap')
  const migration = manifests('migration.yaml')

  it('run the image as its user, locked down, with the same settings', () => {
    for (const owner of [server.get('Deployment'), migration.get('Job')]) {
      const { containers, securityContext, automountServiceAccountToken } = owner.spec.template.spec
      const [{ securityContext: locks, envFrom, resources }] = containers
      const { runAsUser, runAsGroup, runAsNonRoot } = securityContext
      assert.deepEqual([`${runAsUser}:${runAsGroup}`, runAsNonRoot], [image.user, true])
      assert.deepEqual(
        [locks.readOnlyRootFilesystem, locks.capabilities],
        [true, { drop: ['ALL'] }],
      )
      assert.deepEqual(
        [locks.allowPrivilegeEscalation, automountServiceAccountToken],
        [false, false],
      )
      assert.ok(resources.limits.memory)
      const names = envFrom.flatMap((from: Record<string, { name: string }>) =>
        Object.values(from).map(({ name }) => name),
      )
      assert.deepEqual(names, [settings.metadata.name, 'todo-backend'])
    }
    for (const name of Object.keys(settings.data)) {
      assert.ok(SETTING_NAMES.includes(name), name)
    }
    assert.deepEqual(migration.get('Job').spec.template.spec.containers[0].command, [
      'node',
      'backend/src/commands/migrate.ts',
    ])
  })

  it('probe the paths for it, and give the server time to stop', () => {
    const { terminationGracePeriodSeconds, containers } =
      server.get('Deployment').spec.template.spec
    const [{ livenessProbe, readinessProbe, startupProbe, ports }] = containers
    const paths = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)
    assert.deepEqual(paths, ['/livez', '/livez', '/readyz'])
    assert.equal(String(ports[0].containerPort), image.environment.PORT)
    assert.ok((terminationGracePeriodSeconds - 5) * 1_000 > STOP_LIMITS.lastMs)
  })

  it('select the pods of the Deployment alone', () => {
    const { labels } = server.get('Deployment').spec.template.metadata
    const { selector, minAvailable } = server.get('PodDisruptionBudget').spec
    assert.deepEqual(selector.matchLabels, labels)
    assert.ok(minAvailable < server.get('Deployment').spec.replicas)
    assert.deepEqual(server.get('Service').spec.selector, labels)
    assert.notDeepEqual(migration.get('Job').spec.template.metadata.labels, labels)
  })
})

describe('the other examples of deploy', () => {
  it('systemd runs the command of the image, and gives it time to stop', () => {
    const unit = read('systemd/todo-backend.service')
    assert.equal(/^ExecStart=\/usr\/bin\/(.*)$/m.exec(unit)?.[1], image.command.join(' '))
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])
    assert.ok(seconds * 1_000 > STOP_LIMITS.lastMs)
    const pairs = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, line = '']) =>
      line.split(' ').map((pair): [string, string | undefined] => {
        const [name = '', value] = pair.split('=')
        return [name, value]
      }),
    )
    const { MALLOC_ARENA_MAX, ...given } = Object.fromEntries(pairs)
    assert.equal(MALLOC_ARENA_MAX, image.environment.MALLOC_ARENA_MAX)
    assert.ok(Object.keys(given).length > 3)
    for (const name of Object.keys(given)) assert.ok(SETTING_NAMES.includes(name), name)
  })

  it('proxies replace X-Forwarded-For, and pass on paths and streams unchanged', () => {
    const nginx = read('nginx/todo-backend.conf')
    assert.match(nginx, /proxy_set_header X-Forwarded-For \$remote_addr;/)
    assert.match(nginx, /proxy_pass http:\/\/todo_backend;/)
    assert.match(nginx, /proxy_buffering off;/)
    // The location below a path, as documented, sends the same as the file.
    const documented = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const location = /^location .*?^\}/ms.exec(documented)?.[0] ?? ''
    const headers = nginx.match(/proxy_(set_header|http_version|buffering) .*;/g) ?? []
    assert.ok(headers.length > 4)
    for (const header of headers) assert.ok(location.includes(header), header)
    // Without header_up or trusted_proxies, Caddy replaces the header.
    const caddy = read('caddy/Caddyfile')
    assert.match(caddy, /reverse_proxy \{\$UPSTREAM:127\.0\.0\.1:8000\}/)
    assert.doesNotMatch(caddy, /header_up|trusted_proxies/)
  })
})
