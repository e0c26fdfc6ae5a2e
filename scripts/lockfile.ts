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

/** @returns the packages that `npm ci --omit=dev --omit=optional` installs: each folder with its entry in the lockfile. */
export function productionPackages({ packages }: Lockfile): [string, LockedPackage][] {
  return Object.entries(packages).filter(
    ([path, { dev, devOptional, optional, link }]) =>
      path.includes('node_modules/') && !dev && !devOptional && !optional && !link,
  )
}
