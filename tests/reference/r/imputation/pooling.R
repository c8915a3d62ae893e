# Reference values for tests/unit/test_pooling.py.
# Run in this folder: Rscript pooling.R   (R 4.2.2, mice 3.15.0, mitml 0.4-4)
# mice's data set nhanes (25 persons; GPL-2 | GPL-3) is imputed, regressed, and pooled. The estimates of each set go into
# pooling_inputs.csv, what mice and mitml make of them into pooling.csv.
suppressMessages({library(mice); library(mitml)})

inputs <- NULL
results <- NULL
keep <- function(case, quantity, values, terms = names(values)) {
  results <<- rbind(results, data.frame(case = case, quantity = quantity, term = terms, value = sprintf("%.15g", values)))
}
write_inputs <- function(case, fits) {
  for (set in seq_along(fits)) {
    b <- coef(fits[[set]])
    v <- vcov(fits[[set]])
    inputs <<- rbind(inputs,
      data.frame(case = case, set = set, row = names(b), column = "", value = sprintf("%.15g", b)),
      data.frame(case = case, set = set, row = rep(names(b), length(b)), column = rep(names(b), each = length(b)),
                 value = sprintf("%.15g", as.vector(v))))
  }
}

imputed <- mice(nhanes, m = 7, maxit = 5, seed = 1987, printFlag = FALSE)
for (case in c("ols", "logit")) {
  if (case == "ols") fits <- with(imputed, lm(chl ~ age + bmi + hyp))$analyses
  else fits <- with(imputed, glm(I(hyp == 2) ~ age, family = binomial))$analyses
  write_inputs(case, fits)
  # mice takes the residual degrees of freedom of a generalized linear model as complete ones; both references are kept.
  for (df in c("finite", "infinite")) {
    complete <- if (df == "finite") df.residual(fits[[1]]) else Inf
    table <- pool(fits, dfcom = complete)$pooled
    for (quantity in c("estimate", "ubar", "b", "t", "df", "riv", "lambda", "fmi"))
      keep(paste(case, df), quantity, table[[quantity]], as.character(table$term))
  }
}

# One number: the example of mice's help page for pool.scalar has the same shape.
Q <- c(17.2, 16.1, 18.4, 17.0, 15.5)
U <- c(2.1, 2.3, 1.9, 2.2, 2.6)
inputs <- rbind(inputs, data.frame(case = "scalar", set = 1:5, row = "x", column = "", value = sprintf("%.15g", Q)),
                data.frame(case = "scalar", set = 1:5, row = "x", column = "x", value = sprintf("%.15g", U)))
for (n in c(25, Inf)) {
  one <- pool.scalar(Q, U, n = n)
  keep(paste("scalar", if (is.finite(n)) "finite" else "infinite"), c("estimate", "ubar", "b", "t", "df", "riv", "fmi"),
       unlist(one[c("qbar", "ubar", "b", "t", "df", "r", "fmi")]), "x")
}

# Joint tests: D1 of mitml, Li-Raghunathan-Rubin without, Reiter with complete-data degrees of freedom.
larger <- with(imputed, lm(chl ~ age + bmi + hyp))$analyses
smaller <- with(imputed, lm(chl ~ age))$analyses
one_less <- with(imputed, lm(chl ~ age + hyp))$analyses
for (complete in c(21, NA)) {
  df.com <- if (is.na(complete)) NULL else complete
  label <- if (is.na(complete)) "infinite" else "finite"
  for (pair in c("two", "one")) {
    null <- if (pair == "two") smaller else one_less
    keep(paste("test", pair, label), c("F", "df1", "df2", "p", "riv"), testModels(larger, null, method = "D1", df.com = df.com)$test[1, ],
         c("F", "df1", "df2", "p", "riv"))
  }
}
# Two sets, one coefficient: k (m - 1) = 1 is below 4.
keep("test few infinite", c("F", "df1", "df2", "p", "riv"), testModels(larger[1:2], one_less[1:2], method = "D1")$test[1, ],
     c("F", "df1", "df2", "p", "riv"))

write.csv(inputs, "pooling_inputs.csv", row.names = FALSE)
write.csv(results, "pooling.csv", row.names = FALSE)
