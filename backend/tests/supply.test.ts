import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { readAdvisories } from '../../scripts/audit.ts'
import { nameOf, productionPackages, readLockfile, readPackage } from '../../scripts/lockfile.ts'
import { ownVersions, releaseNotes } from '../../scripts/release-notes.ts'
import { testFolder } from './support/databases.ts'
import { type Run, runProgram } from './support/process.ts'

const ROOT = new URL('../../', import.meta.url)
const { packages } = readLockfile()
const installed = Object.entries(packages).filter(
  ([path, { link }]) => path.includes('node_modules/') && !link,
)
const run = (script: string, parameters: string[], environment: Record<string, string> = {}) =>
  runProgram(process.execPath, [`scripts/${script}`, ...parameters], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
  })

describe('the packages', () => {
  it('are asked for in one exact version each, in every workspace', () => {
    const { workspaces = [] } = readPackage()
    assert.deepEqual(workspaces, ['backend', 'client', 'web', 'tools/bench', 'tools/client-types'])
    let found = 0
    for (const folder of ['', ...workspaces]) {
      const { dependencies, devDependencies, optionalDependencies } = readPackage(folder)
      const all = { ...dependencies, ...devDependencies, ...optionalDependencies }
      for (const [name, version] of Object.entries(all)) {
        const exact = /^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/
        assert.match(version, exact, `${name} of ${folder || 'the root'}`)
        found += 1
      }
    }
    assert.ok(found > 30)
  })

  it('come from the registry alone, each with the hash of what it is', () => {
    assert.ok(installed.length > 200)
    for (const [path, { integrity, resolved, version }] of installed) {
      assert.match(integrity ?? '', /^sha512-[A-Za-z0-9+/]{86}==$/, path)
      assert.match(version ?? '', /^\d+\.\d+\.\d+/, path)
      // Without an address it is the registry's of whoever installs.
      assert.match(resolved ?? '', /^(https:\/\/registry\.npmjs\.org\/.*)?$/, path)
    }
    const links = Object.entries(packages).filter(([, { link }]) => link)
    assert.deepEqual(
      links.map(([, { resolved }]) => String(resolved)).sort(),
      [...(readPackage().workspaces ?? [])].sort(),
    )
  })

  it('run a script when they are installed only where it is allowed by name, and none in production', () => {
    const scripted = (some: typeof installed) =>
      some.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path))
    const { allowScripts = {} } = readPackage()
    assert.deepEqual(scripted(installed).sort(), Object.keys(allowScripts).sort())
    assert.ok(Object.values(allowScripts).every((allowed) => allowed))
    assert.deepEqual(scripted(productionPackages(readLockfile())), [])
    // On Node 24, scripts/install.mjs installs the packages of a start without their scripts.
    assert.deepEqual(scripted(installed.filter(([, { dev }]) => !dev)), ['node'])
  })
})

describe('the bill of materials', () => {
  it('has what runs in production, all of it and nothing else', async () => {
    const file = join(await testFolder(), 'sbom.json')
    await run('sbom.ts', [file])
    const { bomFormat, metadata, components } = JSON.parse(await readFile(file, 'utf8'))
    assert.deepEqual([bomFormat, metadata.component.name], ['CycloneDX', 'todo-backend'])
    // The component of a workspace is named after its folder.
    const listed = components.map(({ purl }: { purl: string }) => decodeURIComponent(purl))
    const expected = productionPackages(readLockfile()).map(
      ([path, { version }]) => `pkg:npm/${nameOf(path)}@${version}`,
    )
    const { name, version, dependencies = {}, devDependencies } = readPackage('backend')
    assert.equal(devDependencies, undefined, 'what is for development belongs to the root')
    expected.push(`pkg:npm/${name}@${version}`)
    assert.deepEqual([...new Set(listed)].sort(), [...new Set(expected)].sort())
    for (const [direct, of] of Object.entries(dependencies)) {
      assert.ok(listed.includes(`pkg:npm/${direct}@${of}`), direct)
    }
  })
})

describe('the advisories', () => {
  it('were looked up for every package the server names, at its present version', () => {
    const { packages: known } = readAdvisories()
    for (const [name, version] of Object.entries(readPackage('backend').dependencies ?? {})) {
      assert.equal(known[name]?.version, version, name)
    }
    const order = new Intl.Collator('en', { numeric: true })
    for (const [name, { version, advisories }] of Object.entries(known)) {
      const locked = installed.filter(([path]) => nameOf(path) === name)
      assert.ok(
        locked.some(([, of]) => of.version === version),
        name,
      )
      for (const { id, fixedIn, what, source } of advisories) {
        assert.ok(fixedIn === null || order.compare(fixedIn, version) <= 0, `${name}: ${id}`)
        assert.ok(/^(GHSA|CVE)-/.test(id) && what !== '' && source.startsWith('https://'), id)
      }
    }
  })

  /** A registry that knows of these severities in fastify, or of no such question. */
  async function audit(severity: string | null, status = 200) {
    const registry = createServer((request, response) => {
      const { version } = packages['node_modules/fastify'] ?? {}
      const advisory = { id: 1, url: 'https://example.com', title: 'x', vulnerable_versions: '*' }
      const asked = request.method === 'POST'
      const findings = severity === null ? {} : { fastify: [{ ...advisory, severity }] }
      const fastify = {
        name: 'fastify',
        versions: { [`${version}`]: { name: 'fastify', version } },
      }
      response.writeHead(asked ? status : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(asked ? findings : fastify))
    })
    registry.listen(0, '127.0.0.1')
    await once(registry, 'listening')
    const address = registry.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`
    // npm remembers advisories by their id.
    const settings = { npm_config_registry: url, npm_config_cache: await testFolder() }
    const end = await run('audit.ts', [], settings).catch((error: Run) => error)
    registry.closeAllConnections()
    registry.close()
    return { code: end.code ?? 0, output: String(end.stdout) }
  }

  it('fail where npm audit has a high or critical one, and not for less', async () => {
    const [none, moderate, high, critical] = await Promise.all(
      [null, 'moderate', 'high', 'critical'].map((severity) => audit(severity)),
    )
    assert.deepEqual(none, {
      code: 0,
      output: 'npm audit: 0 packages with findings, 0 of them high or critical\n',
    })
    assert.deepEqual([moderate?.code, high?.code, critical?.code], [0, 1, 1])
    assert.match(moderate?.output ?? '', / {2}fastify: moderate\n.*[1-9]\d* packages .* 0 of them/)
    assert.match(high?.output ?? '', / {2}fastify: high\n/)
  })

  it('are listed as looked up by hand where the registry does not say, which fails nothing', async () => {
    const { code, output } = await audit(null, 405)
    assert.equal(code, 0)
    assert.match(output, /^npm audit returned no result: 405 [^\n]+\nInstead, as of 20/)
    for (const [name, version] of Object.entries(readPackage('backend').dependencies ?? {})) {
      assert.ok(output.includes(`  ${name} ${version}: `), name)
    }
    assert.doesNotMatch(output, /not looked up/)
  })
})

describe('a release', () => {
  const CHANGELOG = '# Changes\n\n## 1.2.0, 2027-01-31\n\n- New.\n\n## 1.1.0\n\n- Old.\n'
  const versions = { a: '1.2.0', b: '1.2.0' }

  it('has the section of its version as its notes', () => {
    assert.equal(releaseNotes('v1.2.0', versions, CHANGELOG), '- New.')
  })

  for (const [what, tag, others, changelog, says] of [
    [
      'a tag without a v',
      '1.2.0',
      versions,
      CHANGELOG,
      /^The tag 1\.2\.0 is not a version with a v/,
    ],
    ['another tag', 'v1.2', versions, CHANGELOG, /^The tag v1\.2 is not/],
    [
      'a package of another version',
      'v1.2.0',
      { b: '1.1.0' },
      CHANGELOG,
      /^b has the version 1\.1\.0/,
    ],
    [
      'changes that are unreleased',
      'v1.2.0',
      versions,
      '## Unreleased\n\n- New.\n',
      /no changes of 1\.2\.0/,
    ],
    [
      'an empty section',
      'v1.2.0',
      versions,
      '## 1.2.0\n\n## 1.1.0\n\n- Old.\n',
      /no changes of 1\.2\.0/,
    ],
  ] as const) {
    it(`is refused for ${what}`, () => {
      assert.throws(() => releaseNotes(tag, others, changelog), { message: says })
    })
  }

  it('has one version in every package and in the lockfile', () => {
    assert.deepEqual([...new Set(Object.values(ownVersions()))], [readPackage().version])
  })

  const readWorkflow = async () =>
    parse(await readFile(new URL('.github/workflows/release.yml', ROOT), 'utf8'))

  it('gives the token that may write to its last step alone', async () => {
    const { steps } = (await readWorkflow()).jobs.release
    const [checkout] = steps
    assert.match(checkout.uses, /^actions\/checkout@/)
    assert.equal(checkout.with['persist-credentials'], false)
    const withToken = steps.filter((step: unknown) => JSON.stringify(step).includes('github.token'))
    assert.deepEqual(withToken, [steps.at(-1)])
  })

  it('is made by the workflow of a tag, after all checks', async () => {
    const { on, jobs } = await readWorkflow()
    assert.deepEqual(on, { push: { tags: ['v*'] } })
    const steps: string[] = jobs.release.steps.map(({ run: command = '' }) => command)
    const places = ['release-notes.ts', '.ci/run', 'npm run sbom', 'gh release create'].map(
      (text) => steps.findIndex((step) => step.includes(text)),
    )
    assert.ok(!places.includes(-1))
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
  })
})
