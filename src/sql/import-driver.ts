/** Drivers come through the door of all optional packages. */
export {
  importPackage as importDriver,
  installedVersion,
  packageMissing as driverMissing,
} from "../util/import-package.ts"
