import { readFileSync } from 'node:fs'

/** A package as package-lock.json has it, under the folder it is installed in. */
export interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  /** Needed for development alone. */
  readonly dev?: boolean
  readonly devOptional?: boolean
  /** A workspace. */
  readonly link?: boolean
  readonly hasInstallScript?: boolean
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
  readonly allowScripts?: Readonly<Record<string, boolean>>
}

/** A JSON file of the repository, below this file's parent folder. */
function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'))
}

export const readLockfile = () => readJson('package-lock.json') as Lockfile // npm writes it

/** @param folder of a workspace; without it the root's. */
export const readPackage = (folder = '') =>
  readJson(`${folder === '' ? '' : `${folder}/`}package.json`) as PackageJson // ours

/** `node_modules/a/node_modules/@b/c` is an installation of `@b/c`. */
export const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13)

/** What `npm ci --omit=dev` installs: the folder of each package, and what the lockfile says of it. */
export function productionPackages({ packages }: Lockfile): [string, LockedPackage][] {
  return Object.entries(packages).filter(
    ([path, { dev, devOptional, link }]) =>
      path.includes('node_modules/') && !dev && !devOptional && !link,
  )
}
