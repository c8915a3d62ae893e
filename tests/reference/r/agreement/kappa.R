# Cohen's kappa with its interval by psych, of the drawn codings and of the table in psych's help page (Cohen 1968).
suppressMessages(library(psych))
inputs <- read.csv("inputs.csv", check.names = FALSE)
rows <- NULL
keep <- function(part, found, n) {
  unweighted <- found$confid["unweighted kappa", ]
  values <- c(kappa = found$kappa, std_error = sqrt(found$var.kappa), conf_low = unweighted[["lower"]],
              conf_high = unweighted[["upper"]], n = n)
  rows <<- rbind(rows, data.frame(part = part, quantity = names(values), value = sprintf("%.15g", values)))
}
for (part in unique(inputs$part)) {
  own <- inputs[inputs$part == part, ]
  codes <- sort(unique(c(own$first, own$second)))
  table <- table(factor(own$first, codes), factor(own$second, codes))
  keep(part, cohen.kappa(unclass(table)), nrow(own))
}
cohen <- matrix(c(88, 10, 2, 14, 40, 6, 18, 10, 12), ncol = 3)
keep("Cohen 1968", cohen.kappa(cohen), sum(cohen))
write.csv(rows, "values.csv", row.names = FALSE, quote = FALSE)
