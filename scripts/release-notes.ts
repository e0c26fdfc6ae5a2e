/**
 * Prints the section of CHANGELOG.md about a version, for the release of its tag. Fails if the tag is not the version
 * of every package, or the section is missing.
 */
import { readFileSync } from 'node:fs'
import { argumentsOf } from './arguments.ts'
import { readLockfile, readPackage } from './lockfile.ts'

/**
 * @param versions of the packages, by their names.
 * @returns the text below the heading of the version, without its date.
 * @throws {Error} with what to do.
 */
export function releaseNotes(
  tag: string,
  versions: Readonly<Record<string, string>>,
  changelog: string,
): string {
  const version = tag.replace(/^v/, '')
  if (version === tag || !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
    throw new Error(`The tag ${tag} is not a version with a v, such as v1.2.0`)
  }
  for (const [name, other] of Object.entries(versions)) {
    if (other === version) continue
    throw new Error(`${name} has the version ${other}, and the tag is ${tag}. Correct one of them`)
  }
  const sections = changelog.split(/^## /m).slice(1)
  const section = sections.find((text) => text.split(/[\s,]/, 1)[0] === version)
  const notes = section?.slice(section.indexOf('\n')).trim() ?? ''
  if (notes === '') {
    throw new Error(
      `CHANGELOG.md has no changes of ${version}. Replace "Unreleased" with the version and the date`,
    )
  }
  return notes
}

/** The versions of all packages of this repository, and of its lockfile. */
export function ownVersions(): Record<string, string> {
  const folders = ['', ...(readPackage().workspaces ?? [])]
  const lockfile = readLockfile().packages
  return Object.fromEntries(
    folders.flatMap((folder) => {
      const { name, version } = readPackage(folder)
      return [
        [name, version],
        [`${name} in package-lock.json`, lockfile[folder]?.version ?? ''],
      ]
    }),
  )
}

if (import.meta.main) {
  const usage = 'Usage: node scripts/release-notes.ts v<version>'
  const [tag = ''] = argumentsOf({ usage, least: 1, most: 1 }).positionals
  try {
    const changelog = new URL('../CHANGELOG.md', import.meta.url)
    console.log(releaseNotes(tag, ownVersions(), readFileSync(changelog, 'utf8')))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
