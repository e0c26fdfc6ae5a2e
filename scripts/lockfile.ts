import { readFileSync } from 'node:fs'

/** A package in package-lock.json, where its folder is the key. */
export interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  /** Needed only for development. */
  readonly dev?: boolean
  readonly devOptional?: boolean
  /** Only installed where it can be, and left out of the image. */
  readonly optional?: boolean
  /** A workspace. */
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

export interface PackageJson {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly workspaces?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly allowScripts?: Readonly<Record<string, boolean>>
}

/** Reads a JSON file of the repository. */
function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'))
}

export const readLockfile = () => readJson('package-lock.json') as Lockfile // npm writes it

/** @param folder of a workspace. The default is the root. */
export const readPackage = (folder = '') =>
  readJson(`${folder === '' ? '' : `${folder}/`}package.json`) as PackageJson // ours

/** `node_modules/a/node_modules/@b/c` is an installation of `@b/c`. */
export const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13)

/** The workspace of the server. */
const SERVER = 'backend'

/**
 * The packages that the server needs to run. npm installs the optional peers of these as well, if another workspace
 * has them: see {@link optionalPeers}.
 *
 * @returns each folder with its entry in the lockfile, in the order of the lockfile.
 */
export function productionPackages({ packages }: Lockfile): [string, LockedPackage][] {
  return below(packages, ({ dependencies, peerDependencies, peerDependenciesMeta }) => [
    ...Object.keys(dependencies ?? {}),
    ...Object.keys(peerDependencies ?? {}).filter(
      (name) => !peerDependenciesMeta?.[name]?.optional,
    ),
  ])
}

/**
 * @returns the packages that `npm ci --omit=dev --omit=optional --workspace=backend` installs beside
 *   {@link productionPackages}: optional peers which are there for the page.
 */
export function optionalPeers(lockfile: Lockfile): string[] {
  const needed = new Set(productionPackages(lockfile).map(([path]) => path))
  const installed = below(lockfile.packages, ({ dependencies, peerDependencies }) =>
    Object.keys({ ...dependencies, ...peerDependencies }),
  )
  return installed.map(([path]) => path).filter((path) => !needed.has(path))
}

/** @returns the packages below the server, through the names that `needs` returns. */
function below(
  packages: Lockfile['packages'],
  needs: (one: LockedPackage) => readonly string[],
): [string, LockedPackage][] {
  const found = new Set<string>()
  const visit = (path: string) => {
    for (const name of needs(packages[path] ?? {})) {
      const target = placeOf(name, path, packages)
      if (target === undefined || found.has(target) || packages[target]?.dev) continue
      found.add(target)
      visit(target)
    }
  }
  visit(SERVER)
  return Object.entries(packages).filter(([path]) => found.has(path))
}

/** @returns where Node finds a package: in `node_modules` of the folder that needs it, or of one above it. */
function placeOf(name: string, from: string, packages: Lockfile['packages']): string | undefined {
  const parts = from.split('/')
  const folders = parts.map((_, index) => parts.slice(0, parts.length - index))
  return [...folders, []]
    .filter((folder) => folder.at(-1) !== 'node_modules')
    .map((folder) => [...folder, 'node_modules', name].join('/'))
    .find((path) => path in packages)
}
